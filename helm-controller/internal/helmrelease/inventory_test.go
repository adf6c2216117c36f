// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"testing"

	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
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
