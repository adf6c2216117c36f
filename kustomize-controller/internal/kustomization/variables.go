// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/render"
)

// variables reads everything that postBuild names, once in a run. The objects are not cached, so that no Secret stays in memory. One that is not
// there is no fault before an object is built that asks for it; any other fault ends the run, because it says nothing about what has to be applied.
func (r *Reconciler) variables(ctx context.Context, s *scope) error {
	vars, err := render.Read(ctx, r.Client, r.Secrets, s.obj)
	if err != nil && !apierrors.IsNotFound(err) {
		return outcome.Fail(kustomizev1.BuildFailedReason, err)
	}
	s.vars, s.hide, s.unread = vars.Values, vars.Secret, err
	return nil
}

// substitute puts the variables into what was built.
func (r *Reconciler) substitute(s *scope, built []kustomize.Object) ([]kustomize.Object, error) {
	if s.unread != nil {
		return built, kustomize.Unsubstituted(built, s.unread)
	}
	return render.Substitute(s.obj, built, s.vars, r.StrictSubstitutions)
}
