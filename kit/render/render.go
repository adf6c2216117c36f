// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	fluxkustomize "github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/kustomize"
)

// Options are the options of the build that the spec asks for. What is not the spec's to say, CacheKey and AllowRemoteBases, is left to the
// caller.
func Options(obj *kustomizev1.Kustomization) kustomize.Options {
	spec := obj.Spec
	options := kustomize.Options{
		TargetNamespace: spec.TargetNamespace, NamePrefix: spec.NamePrefix, NameSuffix: spec.NameSuffix,
		Components: spec.Components, IgnoreMissingComponents: spec.IgnoreMissingComponents,
		Patches: spec.Patches, Images: spec.Images,
	}
	for _, m := range spec.BuildMetadata {
		options.BuildMetadata = append(options.BuildMetadata, string(m))
	}
	return options
}

// Substitute replaces the variables in what was built, if postBuild asks for it. strict makes a variable without value and default an error.
func Substitute(obj *kustomizev1.Kustomization, built []kustomize.Object, vars map[string]string, strict bool) ([]kustomize.Object, error) {
	post := obj.Spec.PostBuild
	if post == nil {
		return built, nil
	}
	return kustomize.Substitute(built, vars, kustomize.SubstituteOptions{
		Strict: strict,
		Always: post.SubstituteStrategy == kustomizev1.SubstituteAlways,
	})
}

// Unstructured returns objects as values of their own, in the same order.
func Unstructured(rendered []kustomize.Object) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, 0, len(rendered))
	for _, o := range rendered {
		u, err := o.Unstructured()
		if err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
	return objects, nil
}

// Prepare makes objects the set that the engine applies: normalised, labelled, and with the rules of the spec. It takes the objects over and
// changes them in place. hide are values that no error may show.
func Prepare(e *apply.Engine, obj *kustomizev1.Kustomization, objects []*unstructured.Unstructured, hide []string) (*apply.Set, error) {
	options := apply.PrepareOptions{Ignore: ignoreRules(obj.Spec.Ignore), Hide: hide}
	if common := obj.Spec.CommonMetadata; common != nil {
		options.Labels, options.Annotations = common.Labels, common.Annotations
	}
	return e.Prepare(Owner(obj), objects, options)
}

// Owner is whom the objects belong to.
func Owner(obj *kustomizev1.Kustomization) apply.Owner {
	return apply.Owner{Namespace: obj.Namespace, Name: obj.Name}
}

// Inventory is what the status says was applied.
func Inventory(obj *kustomizev1.Kustomization) []apply.Entry {
	if obj.Status.Inventory == nil {
		return nil
	}
	entries := make([]apply.Entry, 0, len(obj.Status.Inventory.Entries))
	for _, ref := range obj.Status.Inventory.Entries {
		entries = append(entries, apply.Entry{ID: ref.ID, Version: ref.Version})
	}
	return entries
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
