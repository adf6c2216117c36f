// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/outcome"
)

// connect takes the shared clients of the identity that acts for the object: the service account that it names, the default one, or the
// controller's own.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	var account types.NamespacedName
	if name := cmp.Or(s.obj.Spec.ServiceAccountName, r.DefaultServiceAccount); name != "" {
		account = types.NamespacedName{Namespace: s.obj.Namespace, Name: name}
	}
	s.account = account.Name
	clients, err := r.Clusters.Local(ctx, account)
	if err != nil {
		return outcome.Fail(kustomizev1.ReconciliationFailedReason, fmt.Errorf("failed to build kube client: %w", err))
	}
	s.clients = apply.Clients{Dynamic: clients.Dynamic, Metadata: clients.Metadata, Mapper: clients.Mapper}
	return nil
}
