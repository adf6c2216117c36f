// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// TestRelistUninstalled holds that of a revision that was found uninstalled nothing is listed, nor of what was before it.
func TestRelistUninstalled(t *testing.T) {
	s := &scope{obj: &helmv2.HelmRelease{}}
	s.obj.Status.Inventory = &helmv2.ResourceInventory{Entries: []helmv2.ResourceRef{{ID: "ns_a__ConfigMap", Version: "v1"}}}
	gone := &release.Revision{
		Namespace: "ns", Manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
		Info: release.Info{Status: helmrelease.StatusUninstalled},
	}
	if s.relist(gone); s.obj.Status.Inventory != nil {
		t.Errorf("inventory %+v", s.obj.Status.Inventory)
	}
}

// TestDefinitionsOf holds when the folders crds of a chart are read again.
func TestDefinitionsOf(t *testing.T) {
	files := [][]byte{[]byte("a: [")}
	definition := helmv2.ResourceRef{ID: "_things.example.com_apiextensions.k8s.io_CustomResourceDefinition", Version: "v1"}
	other := helmv2.ResourceRef{ID: "ns_a__ConfigMap", Version: "v1"}
	cases := map[string]struct {
		reason string
		listed []helmv2.ResourceRef
		want   release.InventoryInput
	}{
		"Listed":   {"What was listed before the action is the same after it.", []helmv2.ResourceRef{definition}, release.InventoryInput{Listed: []helmv2.ResourceRef{definition}}},
		"Empty":    {"Also if it is nothing.", []helmv2.ResourceRef{}, release.InventoryInput{Listed: []helmv2.ResourceRef{}}},
		"Other":    {"Other kinds may be known only now.", []helmv2.ResourceRef{definition, other}, release.InventoryInput{CRDs: files}},
		"Unlisted": {"What could not be listed is an error that is told.", nil, release.InventoryInput{CRDs: files}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := definitionsOf(action.Outcome{CRDs: files, Definitions: tc.listed})
			if diff := cmp.Diff(tc.want.Listed, got.Listed) + cmp.Diff(tc.want.CRDs, got.CRDs); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
