// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/outcome"
)

// connect chooses the identity that acts and opens Helm's storage with it. It sends no request.
// Flux: helm-controller contract, section 17.2.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	if err := r.identify(ctx, s); err != nil {
		return err
	}
	s.session = r.open(s, s.obj.GetStorageNamespace(), release.Name(s.obj))
	s.running = r.records.begin(s.last, s.artifact.Digest)
	return nil
}

func (r *Reconciler) identify(ctx context.Context, s *scope) error {
	s.account = r.actor(s.obj)
	clients, err := r.Clusters.Local(ctx, s.account)
	if err != nil {
		return outcome.Fail(helmv2.RESTClientErrorReason, fmt.Errorf("failed to build kube client: %w", err))
	}
	s.clients = clients
	return nil
}

// actor is the service account that acts for the object, empty for the controller's own identity.
func (r *Reconciler) actor(obj *helmv2.HelmRelease) types.NamespacedName {
	return cluster.Account(obj.Namespace, obj.Spec.ServiceAccountName, r.DefaultServiceAccount)
}

// open opens the storage of one release. The session has to be closed.
func (r *Reconciler) open(s *scope, namespace, name string) *storage.Session {
	return r.Storage.Open(storage.Target{Client: s.clients.Client, Account: s.account, Namespace: namespace, Release: name})
}

// target is what an action needs to know of the release of the object.
func (r *Reconciler) target(ctx context.Context, s *scope, a release.Action) action.Target {
	t := action.Target{
		Object:    s.obj,
		Name:      release.Name(s.obj),
		Namespace: s.obj.GetReleaseNamespace(),
		Clients:   s.clients,
		Store:     s.session,
		Exprs:     s.exprs,
		Intent:    release.Intent{Owner: s.obj.UID, Action: a, OCIDigest: s.digest},
		Log:       ctrl.LoggerFrom(ctx),
	}
	if slot := slotOf(ctx); slot != nil {
		t.Slot = kube.Slot(slot)
	}
	if r.CancelHealthChecks && s.running != nil {
		t.Superseded = s.running.done
	}
	return t
}
