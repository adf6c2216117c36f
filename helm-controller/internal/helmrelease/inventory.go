// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"
	"slices"
	"strings"

	helmrelease "helm.sh/helm/v3/pkg/release"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/events"
)

// crdSuffix ends the inventory ids of CustomResourceDefinitions.
const crdSuffix = "_apiextensions.k8s.io_CustomResourceDefinition"

// list puts the objects of the newest revision that an action wrote into the inventory. What goes wrong
// with it does not concern the release. Flux: helm-controller contract, section 3.3.
func (s *scope) list(newest *release.Revision, crds [][]byte) {
	if newest == nil {
		return
	}
	in := release.InventoryInput{Manifest: newest.Manifest, CRDs: crds, Namespace: newest.Namespace, Namespaced: s.namespaced}
	inventory, unsure, err := release.Inventory(in)
	if err != nil {
		s.run.Emit(events.Event{
			Severity: events.Error, Reason: helmv2.InventoryBuildFailedReason,
			Message: fmt.Sprintf("Inventory of release %s could not be built: %s", newest.FullName(), err),
		})
		return
	}
	if len(unsure) > 0 {
		s.run.Emit(events.Event{
			Severity: events.Error, Reason: helmv2.NamespaceCheckSkippedReason,
			Message: "It is not known whether these kinds have a namespace: " + strings.Join(unsure, ", "),
		})
	}
	s.obj.Status.Inventory = inventory
}

// relist does so for a revision that the status did not know of.
func (s *scope) relist(ctx context.Context, newest *release.Revision) error {
	if newest.Info.Status == helmrelease.StatusUninstalled {
		s.obj.Status.Inventory = nil
		return nil
	}
	crds, err := s.session.Definitions(ctx, newest.Version)
	if err != nil {
		return err
	}
	s.list(newest, crds)
	return nil
}

// listRollback does so for a rollback, which leaves the CRDs alone that are there and does not know which.
func (s *scope) listRollback(newest *release.Revision) {
	before := s.obj.Status.Inventory
	s.list(newest, nil)
	if before == nil || s.obj.Status.Inventory == nil || before == s.obj.Status.Inventory {
		return
	}
	for _, entry := range before.Entries {
		if strings.HasSuffix(entry.ID, crdSuffix) && !slices.Contains(s.obj.Status.Inventory.Entries, entry) {
			s.obj.Status.Inventory.Entries = append(s.obj.Status.Inventory.Entries, entry)
		}
	}
}

// namespaced tells whether objects of a kind live in namespaces.
func (s *scope) namespaced(kind schema.GroupVersionKind) (bool, error) {
	mapping, err := s.clients.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return false, fmt.Errorf("look up %s: %w", kind, err)
	}
	return mapping.Scope.Name() == apimeta.RESTScopeNameNamespace, nil
}
