// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/outcome"
)

// depends stops the run while something that the object depends on is not ready. A watch brings it back the moment that changes; the time is
// only the safety net.
func (r *Reconciler) depends(ctx context.Context, s *scope) error {
	refs := depends.References(s.obj)
	if len(refs) == 0 {
		return nil
	}
	if way := depends.Cycle(key(s.obj), r.dependenciesOf(ctx)); way != nil {
		return outcome.Wait(r.RequeueDependency, kustomizev1.DependencyNotReadyReason, "dependsOn leads back to itself: %s", arrows(way))
	}
	checker := depends.Checker{Lookup: r.dependency(s), Additive: r.AdditiveDependencyCheck}
	err := checker.Check(ctx, s.obj, s.artifact.Revision, refs)
	if _, ok := errors.AsType[*depends.ExpressionError](err); ok {
		return outcome.Stall(kustomizev1.InvalidCELExpressionReason, fmt.Errorf("%s%w", celErrorPrefix, err))
	}
	if err == nil {
		return nil
	}
	if asked := fmt.Sprintf("%d/%s", s.obj.Generation, s.artifact.Revision); s.last.deferred != asked {
		// A push wakes dependents and dependencies together. Those that others wait for may be done before anybody needs to hear of it.
		s.last.deferred = asked
		return outcome.Yield()
	}
	return outcome.Wait(r.RequeueDependency, kustomizev1.DependencyNotReadyReason, "%w", err)
}

// dependency looks up what the rules need to know of a dependency.
func (r *Reconciler) dependency(s *scope) depends.Lookup {
	return func(ctx context.Context, name types.NamespacedName) (depends.State, error) {
		dep := &kustomizev1.Kustomization{}
		if err := depends.Read(ctx, r.Client, r.Live, name, dep); err != nil {
			return depends.State{}, err
		}
		return depends.State{
			Object:          dep,
			Ready:           ready(dep),
			SameSource:      sourceRef(dep) == sourceRef(s.obj),
			AppliedRevision: dep.Status.LastAppliedRevision,
		}, nil
	}
}

func ready(obj *kustomizev1.Kustomization) bool {
	return depends.Ready(obj, obj.Status.ObservedGeneration)
}

func (r *Reconciler) dependenciesOf(ctx context.Context) func(types.NamespacedName) []types.NamespacedName {
	return func(name types.NamespacedName) []types.NamespacedName {
		obj := &kustomizev1.Kustomization{}
		if err := r.Client.Get(ctx, name, obj); err != nil {
			return nil // what does not exist leads nowhere
		}
		var names []types.NamespacedName
		for _, ref := range depends.References(obj) {
			names = append(names, ref.NamespacedName)
		}
		return names
	}
}

func arrows(way []types.NamespacedName) string {
	names := make([]string, 0, len(way))
	for _, n := range way {
		names = append(names, n.String())
	}
	return strings.Join(names, " → ")
}
