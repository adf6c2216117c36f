// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/outcome"
)

// uninstallAll uninstalls the release of an object that is being deleted. A suspended object leaves everything behind.
// Flux: helm-controller contract, section 7.6.
func (r *Reconciler) uninstallAll(ctx context.Context, s *scope) error {
	st := &s.obj.Status
	if s.obj.Spec.Suspend || st.StorageNamespace == "" {
		return nil
	}
	if s.obj.Spec.KubeConfig != nil {
		return outcome.Stall(helmv2.UnsupportedReason, fmt.Errorf(
			"spec.kubeConfig is not supported yet by this version, so the release in storage namespace %s cannot be uninstalled; "+
				"suspend the object to let it go without", st.StorageNamespace))
	}
	gone, err := cluster.AccountGone(ctx, r.Live, r.actor(s.obj))
	if err != nil {
		return outcome.Fail(helmv2.UninstallFailedReason, err)
	}
	if gone {
		ctrl.LoggerFrom(ctx).Info("release stays behind: the service account that would uninstall it does not exist")
		return nil
	}
	if err := r.identify(ctx, s); err != nil {
		return outcome.Fail(helmv2.UninstallFailedReason, err)
	}
	made := st.History[:min(len(st.History), 1)]
	if len(made) == 0 {
		if made, err = r.strays(ctx, s); err != nil {
			return outcome.Fail(helmv2.UninstallFailedReason, err)
		}
	}
	for _, latest := range made {
		if err := r.uninstallOld(ctx, s, &release.TargetChange{Namespace: st.StorageNamespace, Old: latest}); err != nil {
			return outcome.Fail(helmv2.UninstallFailedReason, err)
		}
	}
	st.History, st.StorageNamespace = nil, ""
	return nil
}

// leaveChart deletes the HelmChart of an object that is being deleted.
func (r *Reconciler) leaveChart(ctx context.Context, s *scope) error {
	if s.obj.Spec.Suspend {
		return nil
	}
	return r.dropChart(ctx, s)
}

// endSuspicion lets go of what is remembered of an object that has ended a process, which is about to be gone for good. An object that is only suspended
// would end the next one when it is resumed.
func (r *Reconciler) endSuspicion(_ context.Context, s *scope) error {
	r.Runner.Keeper.Forget(s.obj.UID)
	return nil
}
