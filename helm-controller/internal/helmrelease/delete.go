// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
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
	gone, err := r.accountGone(ctx, s.obj)
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

// accountGone reports whether the account that would have to uninstall does not exist any more: nothing can be uninstalled then, and the
// namespace that is perhaps being deleted must not hang for ever because of that.
func (r *Reconciler) accountGone(ctx context.Context, obj *helmv2.HelmRelease) (bool, error) {
	name := cmp.Or(obj.Spec.ServiceAccountName, r.DefaultServiceAccount)
	if name == "" {
		return false, nil
	}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: name}, &corev1.ServiceAccount{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for service account %s/%s: %w", obj.Namespace, name, err)
	}
	return false, nil
}
