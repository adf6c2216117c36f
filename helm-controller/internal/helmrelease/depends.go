// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/outcome"
)

// depends stops the run while something that the object depends on is not ready. A watch brings it back the moment that changes; the time is
// only the safety net. Flux: helm-controller contract, section 6.3.
func (r *Reconciler) depends(ctx context.Context, s *scope) error {
	refs := dependencies(s.obj)
	if len(refs) == 0 {
		return nil
	}
	var missing error
	checker := depends.Checker{
		Additive: r.AdditiveDependencyCheck,
		Lookup: func(ctx context.Context, name types.NamespacedName) (depends.State, error) {
			state, err := r.dependency(ctx, name)
			missing = err
			return state, err
		},
	}
	err := checker.Check(ctx, s.obj, "", refs)
	if _, ok := errors.AsType[*depends.ExpressionError](err); ok {
		return outcome.Stall(helmv2.InvalidCELExpressionReason, fmt.Errorf("%s%w", celErrorPrefix, err))
	}
	notReady, ok := errors.AsType[*depends.NotReadyError](err)
	if !ok {
		return err
	}
	if missing != nil {
		return outcome.Wait(r.RequeueDependency, helmv2.DependencyNotReadyReason, "unable to get '%s' dependency: %w", notReady.Dependency, missing)
	}
	return outcome.Wait(r.RequeueDependency, helmv2.DependencyNotReadyReason, "%w", notReady)
}

// dependency looks a dependency up in the cache: it is watched, and its next change starts this object again. What the cache does not have may
// be in another shard, so that the API server is asked.
func (r *Reconciler) dependency(ctx context.Context, name types.NamespacedName) (depends.State, error) {
	dep := &helmv2.HelmRelease{}
	err := r.Client.Get(ctx, name, dep)
	if apierrors.IsNotFound(err) {
		err = r.Live.Get(ctx, name, dep)
	}
	if err != nil {
		return depends.State{}, err
	}
	return depends.State{Object: dep, Ready: ready(dep)}, nil
}

func ready(obj *helmv2.HelmRelease) bool {
	return obj.Generation == obj.Status.ObservedGeneration && conditions.IsTrue(obj, meta.ReadyCondition)
}

func dependencies(obj *helmv2.HelmRelease) []depends.Reference {
	refs := make([]depends.Reference, 0, len(obj.Spec.DependsOn))
	for _, d := range obj.Spec.DependsOn {
		refs = append(refs, depends.Reference{
			NamespacedName: types.NamespacedName{Namespace: cmp.Or(d.Namespace, obj.Namespace), Name: d.Name},
			ReadyExpr:      d.ReadyExpr,
		})
	}
	return refs
}
