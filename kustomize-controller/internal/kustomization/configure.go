// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"fmt"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/outcome"
)

// configure checks what can be known wrong from the spec alone, before the source is looked at.
func (r *Reconciler) configure(_ context.Context, s *scope) error {
	exprs, err := apply.CompileExpressions(s.obj.Spec.HealthCheckExprs)
	if err != nil {
		return outcome.Stall(kustomizev1.InvalidCELExpressionReason, fmt.Errorf("%s%w", celErrorPrefix, err))
	}
	s.exprs = exprs
	switch {
	case s.obj.Spec.Decryption != nil && s.obj.Spec.Decryption.ServiceAccountName != "":
		return outcome.Stall(kustomizev1.FeatureGateDisabledReason,
			errors.New("spec.decryption.serviceAccountName needs the feature gate ObjectLevelWorkloadIdentity, which this version does not have"))
	case s.obj.Spec.Decryption != nil:
		return outcome.Stall(kustomizev1.UnsupportedReason, errors.New("spec.decryption is not supported yet by this version"))
	case s.obj.Spec.KubeConfig != nil:
		return outcome.Stall(kustomizev1.UnsupportedReason, errors.New("spec.kubeConfig is not supported yet by this version"))
	}
	return nil
}
