// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/outcome"
)

// depends stops the run while something that the object depends on is not ready. A watch brings it back the moment that changes; the time is
// only the safety net. Flux: helm-controller contract, section 6.3.
func (r *Reconciler) depends(ctx context.Context, s *scope) error {
	refs := depends.References(s.obj)
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

// dependency looks up what the rules need to know of a dependency.
func (r *Reconciler) dependency(ctx context.Context, name types.NamespacedName) (depends.State, error) {
	dep := &helmv2.HelmRelease{}
	if err := depends.Read(ctx, r.Client, r.Live, name, dep); err != nil {
		return depends.State{}, err
	}
	return depends.State{Object: dep, Ready: ready(dep)}, nil
}

func ready(obj *helmv2.HelmRelease) bool {
	return depends.Ready(obj, obj.Status.ObservedGeneration)
}
