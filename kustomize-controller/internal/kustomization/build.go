// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/opencontainers/go-digest"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/render"
)

// fetch takes hold of the unpacked artifact. While it is still being downloaded the run ends; the end of the download starts the next.
func (r *Reconciler) fetch(ctx context.Context, s *scope) error {
	s.step = stepFetch
	name := key(s.obj)
	tree, err := r.Artifacts.Acquire(ctx, s.artifact, func() { r.Waker.Wake(name) })
	switch {
	case errors.Is(err, fetch.ErrPending):
		return outcome.Wait(0, meta.ProgressingReason, "%w", err)
	case errors.Is(err, fetch.ErrDirectory):
		return outcome.Fail(kustomizev1.DirCreationFailedReason, err)
	case errors.Is(err, fetch.ErrNotFound):
		return outcome.Wait(r.RequeueDependency, kustomizev1.ArtifactFailedReason, artifactGoneText, r.RequeueDependency)
	case err != nil:
		return outcome.Fail(kustomizev1.ArtifactFailedReason, err)
	}
	s.tree = tree
	if _, err := kustomize.ResolvePath(tree, s.obj.Spec.Path); err != nil {
		return outcome.Fail(kustomizev1.ArtifactFailedReason, err)
	}
	s.attempted = true
	return nil
}

// build renders the manifests and prepares them for the engine.
func (r *Reconciler) build(ctx context.Context, s *scope) error {
	s.step = stepBuild
	leave, err := r.Marks.enter(s.obj.UID, s.inputs)
	switch {
	case errors.Is(err, errSuspects):
		return outcome.Wait(suspectRetry, meta.ProgressingReason, "%w", err)
	case err != nil:
		return outcome.Fail(kustomizev1.BuildFailedReason, err)
	}
	over := last(2, leave) // what follows and the work of the builder, which may go on without us
	defer over()
	options := render.Options(s.obj)
	options.Done = over
	options.CacheKey, options.AllowRemoteBases = string(s.obj.UID), r.AllowRemoteBases
	output, err := r.Builder.Build(ctx, s.tree, s.obj.Spec.Path, options)
	if err != nil {
		return outcome.Fail(kustomizev1.BuildFailedReason, err)
	}
	rendered, err := r.substitute(s, output.Objects)
	if err != nil {
		return outcome.Fail(kustomizev1.BuildFailedReason, err)
	}
	if err := s.nameContent(output, rendered); err != nil {
		return outcome.Fail(kustomizev1.BuildFailedReason, err)
	}
	objects, err := render.Unstructured(rendered)
	if err == nil {
		s.set, err = render.Prepare(r.Engine, s.obj, objects, s.hide)
	}
	if err != nil {
		return outcome.Fail(kustomizev1.ReconciliationFailedReason, err)
	}
	return nil
}

// last returns a function that calls done when it is called for the nth time.
func last(n int64, done func()) func() {
	var left atomic.Int64
	left.Store(n)
	return func() {
		if left.Add(-1) == 0 {
			done()
		}
	}
}

// nameContent computes the digest of the rendered content, over its YAML as history keeps it. That of the last run serves again when nothing
// it depends on is new: rendering YAML costs as much as building.
func (s *scope) nameContent(output *kustomize.Output, rendered []kustomize.Object) error {
	if output.Reused && s.last.digest != "" && s.last.rendering == s.rendering {
		s.digest = s.last.digest
		return nil
	}
	sum := digest.SHA256.Digester()
	for _, o := range rendered {
		text, err := o.YAML()
		if err != nil {
			return fmt.Errorf("render %s %s: %w", o.Kind, o.Name, err)
		}
		fmt.Fprintf(sum.Hash(), "---\n%s", text)
	}
	s.digest = sum.Digest().String()
	s.last.digest, s.last.rendering = s.digest, s.rendering
	return nil
}
