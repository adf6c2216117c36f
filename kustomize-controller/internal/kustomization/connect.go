// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/outcome"
)

// connect takes the shared clients of the identity that acts for the object: the service account that it names, the default one, or the
// controller's own.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	account := r.account(s.obj)
	s.account = account.Name
	clients, err := r.Clusters.Local(ctx, account)
	if err != nil {
		return outcome.Fail(kustomizev1.ReconciliationFailedReason, fmt.Errorf("failed to build kube client: %w", err))
	}
	s.clients = apply.Clients{Dynamic: clients.Dynamic, Metadata: clients.Metadata, Mapper: clients.Mapper}
	return nil
}

// account is the service account that acts for the object, empty for the controller's own identity.
func (r *Reconciler) account(obj *kustomizev1.Kustomization) types.NamespacedName {
	return cluster.Account(obj.Namespace, obj.Spec.ServiceAccountName, r.DefaultServiceAccount)
}
