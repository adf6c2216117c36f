// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/pattern"
	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// latestTags is how many tags status shows. Flux: image-automation-controller contract, "Status".
const latestTags = 10

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *imagev1.ImageRepository
	run reconcile.Run

	name       oci.Name            // accept
	deadline   time.Time           // connect
	repository *oci.Repository     // connect
	reason     string              // decide: why there is a scan, empty if there is none
	lost       bool                // decide: what status tells is not in the store
	loud       bool                // decide: the scan is told of before it is made
	result     *imagev1.ScanResult // scan
}

// release gives back the login.
func (s *scope) release() {
	if s.repository != nil {
		s.repository.Close()
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "accept", Run: r.accept},
		{Name: "connect", Run: r.connect},
		{Name: "decide", Run: r.decide},
		{Name: "scan", Run: r.scan},
	}
}

// accept looks at the spec alone.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	if err := CheckProvider(s.obj, r.ObjectLevelIdentity); err != nil {
		return err
	}
	var err error
	if s.name, err = oci.ParseImage(s.obj.Spec.Image); err != nil {
		return outcome.Stall(imagev1.ImageURLInvalidReason, err)
	}
	return nil
}

// connect reads the credentials and opens the repository. The time that the object grants begins.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	s.deadline = time.Now().Add(s.obj.GetTimeout())
	limited, cancel := context.WithDeadline(ctx, s.deadline)
	defer cancel()
	access, ignored, err := Access(limited, r.Secrets, s.obj)
	if err != nil {
		return outcome.Fail(imagev1.AuthenticationFailedReason, fmt.Errorf("failed to configure authentication options: %w", err))
	}
	if len(ignored) > 0 {
		logr.FromContextOrDiscard(ctx).Info("secrets without docker config are not used", "secrets", ignored)
	}
	s.repository = r.Registries.Open(s.name, access)
	return nil
}

// scan lists the tags, if that is due, and stores them.
func (r *Reconciler) scan(ctx context.Context, s *scope) error {
	if s.reason == "" {
		return nil
	}
	if s.loud {
		if err := s.run.Publish(ctx); err != nil {
			return err
		}
	}
	limited, cancel := context.WithDeadline(ctx, s.deadline)
	defer cancel()
	list, err := s.list(limited)
	// Policies that this run wakes go on with its login.
	s.repository.Close()
	if err == nil {
		if err = r.Tags.Set(client.ObjectKeyFromObject(s.obj), list); err != nil {
			err = fmt.Errorf("failed to set tags for %q: %w", s.name, err)
		}
	}
	if err != nil {
		err = fmt.Errorf("scan failed: %w", err)
		if after, ok := oci.RetryAfter(err); ok {
			return outcome.FailAfter(after, imagev1.ReadOperationFailedReason, err)
		}
		return outcome.Fail(imagev1.ReadOperationFailedReason, err)
	}
	s.result = &imagev1.ScanResult{
		Revision: list.Revision(), TagCount: list.Len(), ScanTime: new(metav1.NewTime(r.Clock())), LatestTags: list.First(latestTags),
	}
	r.pauses.set(s.obj, s.obj.GetRequeueAfter())
	return nil
}

// errTooMany says that a repository has more tags than are kept.
var errTooMany = fmt.Errorf("more than %d tags", tags.MaxTags)

// patience is how long a page of tags may take where nobody says how long a scan may: the interval, which bounds it then, may be hours.
const patience = time.Minute

// pageTimeout bounds a page of tags, 0 where the timeout of the object does.
func pageTimeout(o *imagev1.ImageRepository) time.Duration {
	if o.Spec.Timeout != nil {
		return 0
	}
	return patience
}

// list brings the tags that are not excluded. No page is kept.
func (s *scope) list(ctx context.Context) (tags.List, error) {
	excluded, err := compile(exclusions(s.obj))
	if err != nil {
		return tags.List{}, err
	}
	var found tags.Collector
	for page, err := range s.repository.Tags(ctx, oci.Listing{PageTimeout: pageTimeout(s.obj)}) {
		if errors.Is(err, oci.ErrSlow) {
			return tags.List{}, fmt.Errorf("%w; spec.timeout allows for more", err)
		}
		if err != nil {
			return tags.List{}, err
		}
		for _, tag := range page {
			if ctx.Err() != nil {
				return tags.List{}, context.Cause(ctx)
			}
			if !excluded(tag) && !found.Add(tag) {
				return tags.List{}, errTooMany
			}
		}
	}
	return found.List(), nil
}

// compile makes one question of several patterns.
func compile(patterns []string) (func(string) bool, error) {
	all := make([]*regexp.Regexp, 0, len(patterns))
	for _, p := range patterns {
		compiled, err := pattern.Compile(p)
		if err != nil {
			return nil, fmt.Errorf("failed to compile regex %s: %w", p, err)
		}
		all = append(all, compiled)
	}
	return func(tag string) bool {
		for _, p := range all {
			if p.MatchString(tag) {
				return true
			}
		}
		return false
	}, nil
}

// remove deletes the tags of an object.
func (r *Reconciler) remove(_ context.Context, s *scope) error {
	if err := r.Tags.Delete(client.ObjectKeyFromObject(s.obj)); err != nil {
		return errors.Join(errors.New("remove stored tags"), err)
	}
	return nil
}
