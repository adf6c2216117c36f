// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/outcome"
)

// configure reads the requests in annotations, compiles expressions, and refuses what is not supported.
func (r *Reconciler) configure(ctx context.Context, s *scope) error {
	s.readRequests()
	if (s.obj.Spec.Chart == nil) == (s.obj.Spec.ChartRef == nil) {
		return outcome.Stall(helmv2.UnsupportedReason, errBothOrNeither)
	}
	exprs, err := apply.CompileExpressions(s.obj.Spec.HealthCheckExprs)
	if err != nil {
		return outcome.Stall(helmv2.InvalidCELExpressionReason, fmt.Errorf("%s%w", celErrorPrefix, err))
	}
	if len(s.obj.Spec.HealthCheckExprs) > 0 {
		s.exprs = exprs
	}
	if ref := sourceRef(s.obj); ref.Kind == sourcev1.ExternalArtifactKind {
		if err := access.Gated(r.ExternalArtifacts, sourcev1.ExternalArtifactKind, ref); err != nil {
			return outcome.Stall(helmv2.AccessDeniedReason, err)
		}
		return outcome.Stall(helmv2.UnsupportedReason, errors.New("spec.chartRef of kind ExternalArtifact is not supported yet by this version"))
	}
	if s.obj.Spec.KubeConfig != nil {
		return outcome.Stall(helmv2.UnsupportedReason, errors.New("spec.kubeConfig is not supported yet by this version"))
	}
	warn(ctx, s.obj)
	return nil
}

// warn logs what is accepted and changes nothing, in every run: the actions do so for what concerns them alone.
// Flux: helm-controller contract, section 2.8.
func warn(ctx context.Context, obj *helmv2.HelmRelease) {
	if obj.Spec.Rollback != nil && obj.Spec.Rollback.Recreate {
		ctrl.LoggerFrom(ctx).Info("spec.rollback.recreate is deprecated and has no effect")
	}
}

// readRequests notes what annotations ask for, and that they were seen. Flux: helm-controller contract, section 7.7.
func (s *scope) readRequests() {
	asked := requester{annotations: s.obj.Annotations, ReconcileRequestStatus: s.obj.Status.ReconcileRequestStatus}
	s.force = meta.HandleAnnotationRequest(asked, meta.ForceRequestAnnotation, &s.obj.Status.LastHandledForceAt)
	s.reset = meta.HandleAnnotationRequest(asked, helmv2.ResetRequestAnnotation, &s.obj.Status.LastHandledResetAt)
}

// requester is the object as the library that knows requests wants to see it.
type requester struct {
	meta.ReconcileRequestStatus
	annotations map[string]string
}

// GetAnnotations implements meta.ObjectWithAnnotationRequests.
func (r requester) GetAnnotations() map[string]string { return r.annotations }
