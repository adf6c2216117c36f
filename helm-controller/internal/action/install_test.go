// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"slices"
	"testing"

	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestRequests holds what an install and an upgrade of ten ConfigMaps cost.
func TestRequests(t *testing.T) {
	r := newRig(t)
	warm, err := r.install(tenMaps("1.0.0"), nil)
	r.must(err)
	if len(warm.Writes) != 2 || warm.Newest.Info.Status != helmrelease.StatusDeployed {
		t.Fatalf("writes %d, newest %+v", len(warm.Writes), warm.Newest)
	}
	_, err = r.runner.Uninstall(t.Context(), r.target(release.ActionUninstall))
	r.must(err)

	r.requests.Take()
	_, err = r.install(tenMaps("1.0.0"), nil)
	r.must(err)
	counts := r.requests.Take()
	testkit.Log(t, counts)
	if n := testkit.Total(counts); n > 16 {
		t.Errorf("install: %d requests", n)
	}
	_, err = r.upgrade(tenMaps("1.0.1"), map[string]any{"v": 2})
	r.must(err)
	counts = r.requests.Take()
	testkit.Log(t, counts)
	if n := testkit.Total(counts); n > 18 {
		t.Errorf("upgrade: %d requests", n)
	}
	if got := r.data("cm7", "v"); got != "2" {
		t.Errorf("data %q", got)
	}
}

func TestApplyMethods(t *testing.T) {
	cases := map[string]struct {
		reason    string
		install   *bool
		upgrade   helmv2.ServerSideApplyMode
		installed []string
		upgraded  []string
		method    string
	}{
		"Default":   {"installs on the server, upgrades like that", nil, "", []string{"Apply"}, []string{"Apply"}, release.ApplyServerSide},
		"Client":    {"installs on the client, upgrades like that", new(false), helmv2.ServerSideApplyAuto, []string{"Update"}, []string{"Update"}, release.ApplyClientSide},
		"Migrate":   {"fields that were written on the client become those of the apply", new(false), helmv2.ServerSideApplyEnabled, []string{"Update"}, []string{"Apply"}, release.ApplyServerSide},
		"Downgrade": {"a client that patches leaves the fields of the apply", new(true), helmv2.ServerSideApplyDisabled, []string{"Apply"}, []string{"Apply", "Update"}, release.ApplyClientSide},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.obj.Spec.Install = &helmv2.Install{ServerSideApply: tc.install}
			r.obj.Spec.Upgrade = &helmv2.Upgrade{ServerSideApply: tc.upgrade}
			c := newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: one\n  w: two"), "templates/b.yaml": configMap("b", "", "x: z")})
			_, err := r.install(c, nil)
			r.must(err)
			if got := operations(r.get("v1", "ConfigMap", "a")); !slices.Equal(got, tc.installed) {
				t.Errorf("%s: installed by %v", tc.reason, got)
			}
			c = newChart("1.0.1", map[string]string{"templates/a.yaml": configMap("a", "", "x: other")})
			_, err = r.upgrade(c, nil)
			r.must(err)
			live := r.get("v1", "ConfigMap", "a")
			if got := operations(live); !slices.Equal(got, tc.upgraded) {
				t.Errorf("%s: upgraded by %v", tc.reason, got)
			}
			if x, y := r.data("a", "x"), r.data("a", "w"); x != "other" || y != "" {
				t.Errorf("%s: data %q, %q", tc.reason, x, y)
			}
			if r.get("v1", "ConfigMap", "b") != nil {
				t.Errorf("%s: what left the chart is there", tc.reason)
			}
			if got := r.newest().ApplyMethod; got != tc.method {
				t.Errorf("%s: method %q", tc.reason, got)
			}
			if live.GetLabels()[helmv2.NameLabel] != "app" || live.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" {
				t.Errorf("%s: labels %v", tc.reason, live.GetLabels())
			}
		})
	}
}

func TestAdopt(t *testing.T) {
	for _, onServer := range []bool{true, false} {
		for _, disable := range []bool{true, false} {
			r := newRig(t)
			r.obj.Spec.Install = &helmv2.Install{ServerSideApply: &onServer, DisableTakeOwnership: disable}
			existing := r.configMapObject("a", map[string]any{"x": "theirs", "z": "theirs"})
			r.must(r.live.Create(t.Context(), existing))
			o, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: ours")}), nil)
			switch {
			case disable:
				wantError(t, err, "Unable to continue with install: ConfigMap \"a\" in namespace", "invalid ownership metadata")
				if len(o.Writes) > 0 {
					t.Errorf("stored: %v", o.Writes)
				}
			default:
				r.must(err)
				if x, z := r.data("a", "x"), r.data("a", "z"); x != "ours" || z != "theirs" {
					t.Errorf("server-side %v: data %q, %q", onServer, x, z)
				}
			}
		}
	}
}

func TestCreateNamespace(t *testing.T) {
	r := newRig(t)
	target := r.target(release.ActionInstall)
	target.Namespace = r.ns + "-more"
	r.obj.Spec.TargetNamespace = target.Namespace
	c := func() map[string]string { return map[string]string{"templates/a.yaml": configMap("a", "", "x: z")} }
	o, err := r.runner.Install(t.Context(), target, newChart("1.0.0", c()), map[string]any{})
	wantError(t, err, "not found")
	if o.Newest == nil || o.Newest.Info.Status != helmrelease.StatusFailed {
		t.Errorf("stored %+v", o.Newest)
	}
	r.obj.Spec.Install = &helmv2.Install{CreateNamespace: true, Replace: true}
	for range 2 {
		target.Store = r.target("").Store
		if _, err = r.runner.Install(t.Context(), target, newChart("1.0.0", c()), map[string]any{}); err != nil {
			t.Fatal(err)
		}
		if _, err = r.runner.Uninstall(t.Context(), target); err != nil {
			t.Fatal(err)
		}
	}
	ns := r.get("v1", "Namespace", target.Namespace)
	if ns == nil || ns.GetLabels()["name"] != target.Namespace {
		t.Errorf("namespace %v", ns)
	}
}

func TestTimeout(t *testing.T) {
	obj := &helmv2.HelmRelease{}
	obj.Spec.Install = &helmv2.Install{Timeout: &metav1.Duration{Duration: 1}}
	for a, want := range map[release.Action]int64{release.ActionInstall: 1, release.ActionUpgrade: int64(obj.GetTimeout()), release.ActionUnlock: int64(obj.GetTimeout())} {
		if got := timeoutOf(obj, a); int64(got) != want {
			t.Errorf("%s: %s", a, got)
		}
	}
}
