// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"testing"
	"time"

	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestStray kills the controller during a first install, of which the status then knows nothing, and changes the object before another one starts:
// the release is not left behind under the name that nobody asks for any more.
func TestStray(t *testing.T) {
	elsewhere := func(f *fixture) string { return f.cluster.Namespace(f.t, "elsewhere") }
	cases := map[string]struct {
		reason string
		edit   func(*fixture, *helmv2.HelmRelease)
		gone   bool // the object is deleted, too
		writes int
	}{
		"NamePending":  {reason: "Another name, while nothing is installed yet.", writes: 1, edit: func(_ *fixture, hr *helmv2.HelmRelease) { hr.Spec.ReleaseName = "other" }},
		"NameDeployed": {reason: "Or everything is.", writes: 3, edit: func(_ *fixture, hr *helmv2.HelmRelease) { hr.Spec.ReleaseName = "other" }},
		"Name":         {reason: "Or in between.", edit: func(_ *fixture, hr *helmv2.HelmRelease) { hr.Spec.ReleaseName = "other" }},
		"TargetNamespace": {reason: "Another namespace under the same name.", edit: func(f *fixture, hr *helmv2.HelmRelease) {
			hr.Spec.ReleaseName, hr.Spec.TargetNamespace = "app", elsewhere(f)
		}},
		"StorageNamespace": {reason: "Another storage.", edit: func(f *fixture, hr *helmv2.HelmRelease) { hr.Spec.StorageNamespace = elsewhere(f) }},
		"Deleted":          {reason: "None at all.", gone: true, edit: func(*fixture, *helmv2.HelmRelease) {}},
		"RenamedDeleted":   {reason: "None, after another name.", gone: true, edit: func(_ *fixture, hr *helmv2.HelmRelease) { hr.Spec.ReleaseName = "other" }},
	}
	// The install writes the revision, its object, the revision again, and the status. How often it writes the status before that depends on how
	// long the chart is under way.
	const between = 2
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newIdleFixture(t)
			f.publish(chart("1.0.0", nil))
			f.create("app", func(hr *helmv2.HelmRelease) { hr.Finalizers = []string{helmv2.Finalizer} })
			healthy := f.config
			g := &guillotine{from: "/secrets", left: cmp.Or(tc.writes, between), fell: make(chan struct{})}
			f.config = g.wrap(healthy)
			victim := f.start()
			select {
			case <-g.fell:
			case <-time.After(testkit.Patience):
				t.Fatal("the writes that it is killed after do not come")
			}
			victim.Stop()
			if hr := f.get(); len(hr.Status.History) > 0 || len(f.revisions("app")) != 1 {
				t.Fatalf("killed at the wrong moment: %v, %v", hr.Status.History, f.revisions("app"))
			}
			f.change(func(hr *helmv2.HelmRelease) { tc.edit(f, hr) })
			f.config = healthy
			if tc.gone {
				if err := f.cluster.Client.Delete(t.Context(), f.get()); err != nil {
					t.Fatal(err)
				}
				f.start()
				f.awaitGone("app")
			} else {
				f.start()
				f.await("app", "the release that is asked for is ready", func(hr *helmv2.HelmRelease) bool {
					return conditions.IsReady(hr) && hr.Status.ObservedGeneration == hr.Generation
				})
			}
			f.checkOneRelease(tc.reason, tc.gone)
		})
	}
}

// checkOneRelease looks that the object has no release but the one it asks for, if any.
func (f *fixture) checkOneRelease(reason string, gone bool) {
	f.t.Helper()
	var stored corev1.SecretList
	var maps corev1.ConfigMapList
	if err := f.cluster.Client.List(f.t.Context(), &stored, client.InNamespace(f.namespace), client.MatchingLabels{"owner": "helm"}); err != nil {
		f.t.Fatal(err)
	}
	if err := f.cluster.Client.List(f.t.Context(), &maps, client.InNamespace(f.namespace), client.MatchingLabels{helmv2.NameLabel: "app"}); err != nil {
		f.t.Fatal(err)
	}
	revisions, objects := 0, 0
	if !gone {
		hr := f.get()
		if hr.GetStorageNamespace() == f.namespace {
			revisions = 1
		}
		if hr.GetReleaseNamespace() == f.namespace {
			objects = 1
		}
	}
	if len(stored.Items) != revisions || len(maps.Items) != objects {
		f.t.Errorf("%s\n%d revisions and %d objects, want %d and %d: %v", reason, len(stored.Items), len(maps.Items), revisions, objects, f.revisions("app"))
	}
}
