// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/imagerepository"
	"github.com/weir-gitops/weir/image-automation-controller/internal/policy"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *imagev1.ImagePolicy
	run reconcile.Run

	policy     *policy.Policy           // accept
	repository *imagev1.ImageRepository // repository
	name       oci.Name                 // repository
	ref        *imagev1.ImageRef        // choose, digest
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "accept", Run: accept},
		{Name: "repository", Run: r.repository},
		{Name: "choose", Run: r.choose},
		{Name: "digest", Run: r.digest},
	}
}

// errInterval is about objects that are older than the rule of the schema.
var errInterval = errors.New("spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'")

// accept looks at the spec alone.
func accept(_ context.Context, s *scope) error {
	spec := s.obj.Spec
	if s.obj.GetDigestReflectionPolicy() == imagev1.ReflectAlways && spec.Interval == nil {
		return outcome.Stall(imagev1.IntervalNotConfiguredReason, errInterval)
	}
	return nil
}

// errNoTags is part of the text of the contract. Flux: image-automation-controller contract, "ImagePolicy", "Reconcile", row 7.
var errNoTags = errors.New("no tags in database")

const (
	// maxChoice bounds how long a choice may take. A million tags and a pattern as people write them take about a second.
	maxChoice = 10 * time.Second
	// slowPause is how long an object whose choice took longer is let be, whatever its repository finds meanwhile: each holds a worker for that long.
	slowPause = 10 * time.Minute
)

var errSlowChoice = fmt.Errorf("choosing takes more than %s: the pattern or the range is too complex for so many tags", maxChoice)

// slow is that a choice took too long.
type slow struct {
	generation int64
	until      time.Time
}

// choose reads the tags and picks one.
func (r *Reconciler) choose(ctx context.Context, s *scope) error {
	last := r.slow.Find(client.ObjectKeyFromObject(s.obj))
	if last != nil && last.generation == s.obj.Generation {
		if wait := last.until.Sub(r.Clock()); wait > 0 {
			return outcome.FailAfter(wait, imagev1.FailureReason, errSlowChoice)
		}
	}
	var err error
	if s.policy, err = policy.New(s.obj.Spec.Policy, s.obj.Spec.FilterTags); err != nil {
		return outcome.Stall(imagev1.InvalidPolicyReason, err)
	}
	list, _, err := r.Tags.Get(client.ObjectKeyFromObject(s.repository))
	if err != nil {
		return outcome.Fail(imagev1.FailureReason, fmt.Errorf("failed to read tags: %w", err))
	}
	// What is stored is of the image that the repository had when it was scanned last.
	if list.Len() == 0 || s.repository.Status.CanonicalImageName != s.name.String() {
		return outcome.Wait(r.DependencyRetry, imagev1.DependencyNotReadyReason, "retrying in %s error: %w", r.DependencyRetry, errNoTags)
	}
	limited, cancel := context.WithTimeoutCause(ctx, maxChoice, errSlowChoice)
	defer cancel()
	tag, err := s.policy.Select(limited, list.All())
	if errors.Is(err, errSlowChoice) {
		*r.slow.Of(client.ObjectKeyFromObject(s.obj)) = slow{generation: s.obj.Generation, until: r.Clock().Add(slowPause)}
		return outcome.FailAfter(slowPause, imagev1.FailureReason, err)
	}
	if err != nil {
		return outcome.Fail(imagev1.FailureReason, err)
	}
	s.ref = &imagev1.ImageRef{Name: s.repository.Spec.Image, Tag: tag}
	return nil
}

// digest fills in what the tag names, from what is known or from the registry.
func (r *Reconciler) digest(ctx context.Context, s *scope) error {
	last := s.obj.Status.LatestRef
	switch s.obj.GetDigestReflectionPolicy() {
	case imagev1.ReflectAlways:
	case imagev1.ReflectIfNotPresent:
		if last != nil && last.Name == s.ref.Name && last.Tag == s.ref.Tag && last.Digest != "" {
			s.ref.Digest = last.Digest
			return nil
		}
	case imagev1.ReflectNever:
		return nil
	}
	digest, err := r.look(ctx, s)
	if err != nil {
		err = fmt.Errorf("failed fetching digest of %s: %w", s.ref, err)
		s.ref = nil
		if after, ok := oci.RetryAfter(err); ok {
			return outcome.FailAfter(after, meta.FailedReason, err)
		}
		return outcome.Fail(meta.FailedReason, err)
	}
	s.ref.Digest = digest
	return nil
}

// look asks the registry which manifest the tag names, the way the repository says.
func (r *Reconciler) look(ctx context.Context, s *scope) (string, error) {
	limited, cancel := context.WithTimeout(ctx, s.repository.GetTimeout())
	defer cancel()
	access, _, err := imagerepository.Access(limited, r.Secrets, s.repository)
	if err != nil {
		return "", err
	}
	repository := r.Registries.Open(s.name, access)
	defer repository.Close()
	return repository.Digest(limited, s.ref.Tag)
}
