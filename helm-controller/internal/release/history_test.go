// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/runtime/schema"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// line is what the tests of a history look at.
type line struct {
	Version             int
	Status, Action, OCI string
	Tested              bool
}

func lines(history helmv2.Snapshots) []line {
	var list []line
	for _, s := range history {
		list = append(list, line{Version: s.Version, Status: s.Status, Action: s.Action, OCI: s.OCIDigest, Tested: s.TestHooks != nil})
	}
	return list
}

func write(op release.Op, version int, status helmrelease.Status) release.Write {
	return release.Write{Op: op, Revision: revision(version, status)}
}

func TestRecord(t *testing.T) {
	before := revision(1, "deployed").Snapshot(release.Made{Action: release.ActionInstall, OCIDigest: "sha256:old"})
	before.TestHooks = phase("Succeeded")
	first := line{Version: 1, Status: "deployed", Action: "install", OCI: "sha256:old", Tested: true}
	superseded := first
	superseded.Status = "superseded"
	cases := map[string]struct {
		reason  string
		history helmv2.Snapshots
		writes  []release.Write
		made    release.Made
		want    []line
	}{
		"Nothing": {reason: "Without writes nothing changes.", history: helmv2.Snapshots{before}, made: release.Made{Action: release.ActionUpgrade}, want: []line{first}},
		"Install": {
			reason: "The last state of the new revision is prepended.",
			writes: []release.Write{write(release.Created, 1, "pending-install"), write(release.Updated, 1, "failed")},
			made:   release.Made{Action: release.ActionInstall, OCIDigest: "sha256:new"},
			want:   []line{{Version: 1, Status: "failed", Action: "install", OCI: "sha256:new"}},
		},
		"Replace": {
			reason: "What an install replaces is not in the cleared history, and does not come back.",
			writes: []release.Write{write(release.Updated, 1, "superseded"), write(release.Created, 2, "pending-install"), write(release.Updated, 2, "deployed")},
			made:   release.Made{Action: release.ActionInstall},
			want:   []line{{Version: 2, Status: "deployed", Action: "install"}},
		},
		"Upgrade": {
			reason:  "The old revision is refreshed and keeps its tests, its origin and its action (Q8).",
			history: helmv2.Snapshots{before},
			writes: []release.Write{
				write(release.Created, 2, "pending-upgrade"), write(release.Updated, 1, "superseded"), write(release.Updated, 2, "deployed"),
			},
			made: release.Made{Action: release.ActionUpgrade, OCIDigest: "sha256:new"},
			want: []line{{Version: 2, Status: "deployed", Action: "upgrade", OCI: "sha256:new"}, superseded},
		},
		"Pruned": {
			reason:  "A revision that Helm drops stays in the history.",
			history: helmv2.Snapshots{before},
			writes: []release.Write{
				{Op: release.Deleted, Revision: &release.Revision{Name: "app", Version: 1}, Partial: true},
				write(release.Created, 6, "pending-upgrade"), write(release.Updated, 6, "deployed"),
			},
			made: release.Made{Action: release.ActionUpgrade},
			want: []line{{Version: 6, Status: "deployed", Action: "upgrade"}, first},
		},
		"Rollback": {
			reason:  "Each write refreshes its snapshot, the new revision is prepended.",
			history: append(snapshots(revision(2, "failed")), before),
			writes: []release.Write{
				write(release.Created, 3, "pending-rollback"), write(release.Updated, 1, "superseded"), write(release.Updated, 3, "deployed"),
			},
			made: release.Made{Action: release.ActionRollback, OCIDigest: "sha256:old"},
			want: []line{{Version: 3, Status: "deployed", Action: "rollback", OCI: "sha256:old"}, {Version: 2, Status: "failed", Action: "upgrade"}, superseded},
		},
		"Uninstall": {
			reason:  "What is uninstalled says so; nothing is added.",
			history: helmv2.Snapshots{before},
			writes:  []release.Write{write(release.Updated, 1, "uninstalling"), write(release.Deleted, 1, "uninstalling"), write(release.Deleted, 9, "failed")},
			made:    release.Made{Action: release.ActionUninstallRemediation},
			want:    []line{{Version: 1, Status: "uninstalling", Action: "uninstall-remediation", OCI: "sha256:old", Tested: true}},
		},
		"Unlock": {
			reason:  "An unlock refreshes only.",
			history: helmv2.Snapshots{before},
			writes:  []release.Write{write(release.Updated, 2, "failed")},
			made:    release.Made{Action: release.ActionUnlock},
			want:    []line{first},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := release.Record(tc.history, tc.writes, tc.made)
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			for _, s := range got {
				for _, w := range tc.writes {
					if w.Revision.Version == s.Version && w.Op != release.Deleted && s.Status == w.Revision.Info.Status.String() {
						if err := release.Verify(s, w.Revision); err != nil {
							t.Errorf("%s\nVerify %d: %v", tc.reason, s.Version, err)
						}
					}
				}
			}
		})
	}
	if before.Status != "deployed" {
		t.Error("Record changed its argument")
	}
}

func TestRecordTest(t *testing.T) {
	tested := revision(2, "deployed")
	hook := func(name string, p helmrelease.HookPhase, e helmrelease.HookEvent) release.Hook {
		return release.Hook{Name: name, Events: []helmrelease.HookEvent{e}, LastRun: release.HookRun{Phase: p}}
	}
	tested.Hooks = []release.Hook{
		hook("a", "Succeeded", helmrelease.HookTest), hook("b", "Failed", helmrelease.HookTest), hook("pre", "Succeeded", helmrelease.HookPreInstall),
	}
	writes := []release.Write{{Op: release.Updated, Revision: tested}}
	cases := map[string]struct {
		reason  string
		history helmv2.Snapshots
		writes  []release.Write
		filters []helmv2.Filter
		want    map[string]string
		err     error
	}{
		"All":      {reason: "All test hooks are noted.", history: snapshots(tested), writes: writes, want: map[string]string{"a": "Succeeded", "b": "Failed"}},
		"Included": {reason: "Or those that are included.", history: snapshots(tested), writes: writes, filters: []helmv2.Filter{{Name: "a"}}, want: map[string]string{"a": "Succeeded"}},
		"Excluded": {reason: "Or not excluded.", history: snapshots(tested), writes: writes, filters: []helmv2.Filter{{Name: "a", Exclude: true}}, want: map[string]string{"b": "Failed"}},
		"Mixed": {
			reason: "Excluding wins.", history: snapshots(tested), writes: writes,
			filters: []helmv2.Filter{{Name: "a"}, {Name: "b"}, {Name: "b", Exclude: true}}, want: map[string]string{"a": "Succeeded"},
		},
		"None":     {reason: "No chosen hook is an empty map, which counts as tested.", history: snapshots(tested), writes: writes, filters: []helmv2.Filter{{Name: "x"}}, want: map[string]string{}},
		"Nothing":  {reason: "Without writes nothing is known.", history: snapshots(tested)},
		"Mismatch": {reason: "Another revision was tested.", history: snapshots(revision(3, "deployed"), tested), writes: writes, err: release.ErrMismatch},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			history, err := release.RecordTest(tc.history, tc.writes, tc.filters, "")
			if !errors.Is(err, tc.err) {
				t.Errorf("%s\nRecordTest: %v, want %v", tc.reason, err, tc.err)
			}
			var got map[string]string
			if hooks := history[0].TestHooks; hooks != nil {
				got = map[string]string{}
				for name, hook := range *hooks {
					got[name] = hook.Phase
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRecover(t *testing.T) {
	ours := func(r *release.Revision, a release.Action) *release.Revision {
		r.Intent = &release.Intent{Owner: "uid", Action: a, OCIDigest: "sha256:x"}
		return r
	}
	old := line{Version: 1, Status: "deployed", Action: "upgrade"}
	cases := map[string]struct {
		reason string
		newest *release.Revision
		want   []line
	}{
		"None":    {reason: "There is nothing.", want: []line{old}},
		"Foreign": {reason: "What others wrote is left to the rules.", newest: revision(2, "deployed"), want: []line{old}},
		"Other": {
			reason: "Also what another HelmRelease wrote.",
			newest: func() *release.Revision {
				r := ours(revision(2, "deployed"), release.ActionUpgrade)
				r.Intent.Owner = "other"
				return r
			}(), want: []line{old},
		},
		"Pending": {reason: "What is pending is unlocked first.", newest: ours(revision(2, "pending-upgrade"), release.ActionUpgrade), want: []line{old}},
		"Unheard": {
			reason: "Our own revision that the status did not hear of is added.", newest: ours(revision(2, "deployed"), release.ActionRollback),
			want: []line{{Version: 2, Status: "deployed", Action: "rollback", OCI: "sha256:x"}, old},
		},
		"Later": {
			reason: "A later state of a known one is taken over.", newest: ours(revision(1, "failed"), release.ActionUpgrade),
			want: []line{{Version: 1, Status: "failed", Action: "upgrade"}},
		},
		"Known": {reason: "A known state stays.", newest: ours(revision(1, "deployed"), release.ActionUpgrade), want: []line{old}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			history := release.Recover(snapshots(revision(1, "deployed")), tc.newest, "uid", "")
			if diff := cmp.Diff(tc.want, lines(history)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestInventory(t *testing.T) {
	in := release.InventoryInput{
		Manifest: `---
# Source: app/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
# only a comment
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:b"}
---
apiVersion: batch/v1
kind: Job
metadata: {name: h, annotations: {helm.sh/hook: pre-install}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: c, namespace: other}}
- {apiVersion: example.com/v1, kind: Thing, metadata: {name: d}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
`,
		CRDs:      [][]byte{[]byte("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n")},
		Listed:    []helmv2.ResourceRef{{ID: "apps_a__ConfigMap", Version: "v1"}, {ID: "_known_example.com_Thing", Version: "v1"}},
		Namespace: "apps",
		Namespaced: func(gvk schema.GroupVersionKind) (bool, error) {
			if gvk.Group == "example.com" {
				return false, errors.New("no match")
			}
			return gvk.Kind == "ConfigMap" || gvk.Kind == "Secret", nil
		},
	}
	got, unsure, err := release.Inventory(in)
	if err != nil {
		t.Fatal(err)
	}
	want := []helmv2.ResourceRef{
		{ID: "apps_a__ConfigMap", Version: "v1"},
		{ID: "_system__b_rbac.authorization.k8s.io_ClusterRole", Version: "v1"},
		{ID: "other_c__Secret", Version: "v1"},
		{ID: "_d_example.com_Thing", Version: "v1"},
		{ID: "_things.example.com_apiextensions.k8s.io_CustomResourceDefinition", Version: "v1"},
		{ID: "_known_example.com_Thing", Version: "v1"},
	}
	if diff := cmp.Diff(want, got.Entries); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"example.com/v1, Kind=Thing"}, unsure); diff != "" {
		t.Errorf("unsure, -want +got:\n%s", diff)
	}
	for _, bad := range []string{"a: [", "- a", "apiVersion: v1\nkind: ConfigMap\n"} {
		if _, _, err := release.Inventory(release.InventoryInput{Manifest: bad}); err == nil {
			t.Errorf("Inventory(%q): no error", bad)
		}
	}
}
