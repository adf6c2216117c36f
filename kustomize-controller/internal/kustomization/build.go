// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"fmt"

	fluxkustomize "github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/outcome"
)

// fetch takes hold of the unpacked artifact. While it is still being downloaded the run ends; the end of the download starts the next.
func (r *Reconciler) fetch(ctx context.Context, s *scope) error {
	s.step = stepFetch
	owner := s.owner()
	tree, err := r.Artifacts.Acquire(ctx, s.artifact, func() { r.Waker.Wake(owner) })
	switch {
	case errors.Is(err, fetch.ErrPending):
		return outcome.Wait(0, meta.ProgressingReason, "%w", err)
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
	output, err := r.Builder.Build(ctx, s.tree, s.obj.Spec.Path, r.buildOptions(s.obj))
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
	if s.set, err = r.prepare(s, rendered); err != nil {
		return outcome.Fail(kustomizev1.ReconciliationFailedReason, err)
	}
	return nil
}

func (r *Reconciler) prepare(s *scope, rendered []kustomize.Object) (*apply.Set, error) {
	objects := make([]*unstructured.Unstructured, 0, len(rendered))
	for _, o := range rendered {
		u, err := o.Unstructured()
		if err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
	options := apply.PrepareOptions{Ignore: ignoreRules(s.obj.Spec.Ignore), Hide: s.hide}
	if common := s.obj.Spec.CommonMetadata; common != nil {
		options.Labels, options.Annotations = common.Labels, common.Annotations
	}
	return r.Engine.Prepare(s.owner(), objects, options)
}

func (r *Reconciler) buildOptions(obj *kustomizev1.Kustomization) kustomize.Options {
	spec := obj.Spec
	options := kustomize.Options{
		CacheKey:        string(obj.UID),
		TargetNamespace: spec.TargetNamespace, NamePrefix: spec.NamePrefix, NameSuffix: spec.NameSuffix,
		Components: spec.Components, IgnoreMissingComponents: spec.IgnoreMissingComponents,
		Patches: spec.Patches, Images: spec.Images, AllowRemoteBases: r.AllowRemoteBases,
	}
	for _, m := range spec.BuildMetadata {
		options.BuildMetadata = append(options.BuildMetadata, string(m))
	}
	return options
}

func (r *Reconciler) substitute(s *scope, objects []kustomize.Object) ([]kustomize.Object, error) {
	post := s.obj.Spec.PostBuild
	if post == nil {
		return objects, nil
	}
	return kustomize.Substitute(objects, s.vars, kustomize.SubstituteOptions{
		Strict: r.StrictSubstitutions,
		Always: post.SubstituteStrategy == kustomizev1.SubstituteAlways,
	})
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

func ignoreRules(rules []kustomizev1.IgnoreRule) []apply.IgnoreRule {
	list := make([]apply.IgnoreRule, 0, len(rules))
	for _, rule := range rules {
		list = append(list, apply.IgnoreRule{Paths: rule.Paths, Target: selector(rule.Target)})
	}
	return list
}

func selector(target *fluxkustomize.Selector) *apply.Selector {
	if target == nil {
		return nil
	}
	return &apply.Selector{
		Group: target.Group, Version: target.Version, Kind: target.Kind, Name: target.Name, Namespace: target.Namespace,
		AnnotationSelector: target.AnnotationSelector, LabelSelector: target.LabelSelector,
	}
}
