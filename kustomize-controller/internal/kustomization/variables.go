// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/render"
)

// variables reads everything that postBuild names, once in a run. The objects are not cached, so that no Secret stays in memory.
func (r *Reconciler) variables(ctx context.Context, s *scope) error {
	vars, err := render.Read(ctx, r.Client, r.Secrets, s.obj)
	if err != nil {
		return outcome.Fail(kustomizev1.BuildFailedReason, err)
	}
	s.vars, s.hide = vars.Values, vars.Secret
	return nil
}
