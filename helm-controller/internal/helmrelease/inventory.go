// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"fmt"
	"slices"
	"strings"

	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/events"
)

// crdSuffix ends the inventory ids of CustomResourceDefinitions.
const crdSuffix = "_apiextensions.k8s.io_CustomResourceDefinition"

// list puts the objects of the newest revision that an action wrote into the inventory. What goes wrong
// with it does not concern the release. Flux: helm-controller contract, section 3.3.
func (s *scope) list(newest *release.Revision, in release.InventoryInput) {
	if newest == nil {
		return
	}
	in.Manifest, in.Namespace, in.Namespaced = newest.Manifest, newest.Namespace, release.Scopes(s.clients.Mapper)
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

// definitionsOf is what an action tells of the folders crds of a chart. The files are read again only if there are others than definitions in them,
// whose kinds may be known since these were applied.
func definitionsOf(o action.Outcome) release.InventoryInput {
	other := func(entry helmv2.ResourceRef) bool { return !strings.HasSuffix(entry.ID, crdSuffix) }
	if o.Definitions == nil || slices.ContainsFunc(o.Definitions, other) {
		return release.InventoryInput{CRDs: o.CRDs}
	}
	return release.InventoryInput{Listed: o.Definitions}
}

// relist does so for a revision of ours that the status did not know of.
func (s *scope) relist(newest *release.Revision) {
	switch {
	case newest.Info.Status == helmrelease.StatusUninstalled:
		s.obj.Status.Inventory = nil
	case newest.Intent.Action == release.ActionRollback:
		s.listRollback(newest)
	default:
		s.list(newest, release.InventoryInput{Listed: newest.Intent.Definitions})
	}
}

// listRollback does so for a rollback, which leaves the CRDs alone that are there and does not know which.
func (s *scope) listRollback(newest *release.Revision) {
	before := s.obj.Status.Inventory
	s.list(newest, release.InventoryInput{})
	if before == nil || s.obj.Status.Inventory == nil || before == s.obj.Status.Inventory {
		return
	}
	for _, entry := range before.Entries {
		if strings.HasSuffix(entry.ID, crdSuffix) && !slices.Contains(s.obj.Status.Inventory.Entries, entry) {
			s.obj.Status.Inventory.Entries = append(s.obj.Status.Inventory.Entries, entry)
		}
	}
}
