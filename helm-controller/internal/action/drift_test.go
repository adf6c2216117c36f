// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/testkit"
)

// edit changes a live ConfigMap as another manager.
func (r *rig) edit(name string, change func(u *unstructured.Unstructured)) {
	r.tb.Helper()
	u := r.get("v1", "ConfigMap", name)
	change(u)
	r.must(r.live.Update(r.tb.Context(), u, client.FieldOwner("somebody")))
}

func setData(key, value string) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) { _ = unstructured.SetNestedField(u.Object, value, "data", key) }
}

func (r *rig) detect() *action.Drift {
	r.tb.Helper()
	d, err := r.runner.DetectDrift(r.tb.Context(), r.target(""), r.newest())
	r.must(err)
	return d
}

func TestDrift(t *testing.T) {
	for _, onServer := range []bool{true, false} {
		r := newRig(t)
		owner := types.NamespacedName{Namespace: r.ns, Name: "app"}
		r.obj.Spec.Install = &helmv2.Install{ServerSideApply: &onServer}
		r.obj.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionEnabled, Ignore: []helmv2.IgnoreRule{{Paths: []string{"/data/theirs"}}}}
		_, err := r.install(newChart("1.0.0", map[string]string{
			"templates/a.yaml": configMap("a", "", "x: one\n  theirs: ours"), "templates/b.yaml": configMap("b", "", "x: one"),
			"templates/c.yaml": configMap("c", "", "x: one"), "templates/d.yaml": configMap("d", helmv2.DriftDetectionKey+": Disabled", "x: one"),
		}), nil)
		r.must(err)
		r.eventually("settled", func() bool { return r.runner.Cluster.Settled(owner) })
		newest, target := r.newest(), r.target("")
		r.requests.Take()
		d, err := r.runner.DetectDrift(t.Context(), target, newest)
		r.must(err)
		if n := testkit.Total(r.requests.Take(), "configmaps", "secrets"); n > 0 || d.Found() { // other requests are those of watches that begin
			t.Errorf("server-side %v: %d requests right after an install, found %q", onServer, n, d.Summary())
		}
		if d = r.detect(); d.Found() || d.Summary() != "ConfigMap/"+r.ns+"/d excluded" {
			t.Errorf("server-side %v: in full: %q", onServer, d.Summary())
		}
		r.eventually("settled", func() bool { return r.runner.Cluster.Settled(owner) })

		r.edit("a", setData("x", "two"))
		if got := <-r.woken; got != owner {
			t.Errorf("woken %s", got)
		}
		r.edit("a", setData("theirs", "theirs"))
		r.must(r.live.Delete(t.Context(), r.get("v1", "ConfigMap", "b")))
		r.edit("d", setData("x", "two"))
		r.edit("c", func(u *unstructured.Unstructured) {
			u.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "me"})
		})
		d = r.detect()
		lines := strings.Split(strings.ReplaceAll(d.Summary(), "/"+r.ns+"/", "/"), "\n")
		want := []string{
			"ConfigMap/a changed (0 additions, 1 changes, 0 removals)", "ConfigMap/b removed",
			"ConfigMap/c changed (0 additions, 1 changes, 0 removals)", "ConfigMap/d excluded",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("server-side %v: summary (-want +got):\n%s", onServer, diff)
		}
		done, err := r.runner.CorrectDrift(t.Context(), r.target(release.ActionCorrectDrift), d)
		r.must(err)
		for i, line := range done.Lines {
			done.Lines[i] = strings.ReplaceAll(line, "/"+r.ns+"/", "/")
		}
		if want := []string{"ConfigMap/b created", "ConfigMap/a configured", "ConfigMap/c configured"}; !slices.Equal(done.Lines, want) {
			t.Errorf("corrected %q", done.Lines)
		}
		if x, theirs := r.data("a", "x"), r.data("a", "theirs"); x != "one" || theirs != "theirs" {
			t.Errorf("data %q, %q", x, theirs)
		}
		if d = r.detect(); d.Found() {
			t.Errorf("server-side %v: left: %q", onServer, d.Summary())
		}
		if n := len(r.newest().Manifest); r.newest().Version != 1 || n == 0 {
			t.Error("a correction made a revision")
		}
		r.eventually("settled", func() bool { return r.runner.Cluster.Settled(owner) })
		for len(r.woken) > 0 {
			<-r.woken // of what was put right
		}
		r.edit("a", setData("x", "three"))
		if got := <-r.woken; got != owner {
			t.Errorf("woken %s", got)
		}
	}
}

// TestDriftWithoutAnnotations has somebody take all annotations away: those of the release come back, and no other metadata is touched.
func TestDriftWithoutAnnotations(t *testing.T) {
	r := newRig(t)
	_, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: one")}), nil)
	r.must(err)
	want := r.get("v1", "ConfigMap", "a").GetAnnotations()
	r.edit("a", func(u *unstructured.Unstructured) {
		u.SetAnnotations(nil)
		u.SetFinalizers([]string{"example.com/theirs"})
	})
	d := r.detect()
	_, err = r.runner.CorrectDrift(t.Context(), r.target(release.ActionCorrectDrift), d)
	r.must(err)
	u := r.get("v1", "ConfigMap", "a")
	if diff := cmp.Diff(want, u.GetAnnotations()); diff != "" || len(u.GetFinalizers()) != 1 {
		t.Errorf("finalizers %v, annotations (-want +got):\n%s", u.GetFinalizers(), diff)
	}
	r.edit("a", func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
	if d = r.detect(); d.Found() {
		t.Errorf("left: %q", d.Summary())
	}
}

// TestOverrideManagers takes over the fields of another applier.
func TestOverrideManagers(t *testing.T) {
	r := newRig(t, func(cfg *kube.Config) { cfg.OverrideManagers = []string{"other"} })
	_, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: one")}), nil)
	r.must(err)
	theirs := r.configMapObject("a", map[string]any{"more": "theirs"})
	r.must(r.live.Patch(t.Context(), theirs, client.Apply, client.FieldOwner("other"), client.ForceOwnership)) //nolint:staticcheck // of an unstructured object
	d := r.detect()
	if !d.Found() || !strings.Contains(d.Summary(), "1 removals") {
		t.Errorf("summary %q", d.Summary())
	}
}

// TestDriftUnknownKind reports what can be compared, and what cannot.
func TestDriftUnknownKind(t *testing.T) {
	r := newRig(t)
	_, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: one")}), nil)
	r.must(err)
	r.edit("a", setData("x", "two"))
	newest := *r.newest()
	newest.Manifest += "\n---\napiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"
	d, err := r.runner.DetectDrift(t.Context(), r.target(""), &newest)
	wantError(t, err, "unable to determine cluster state: ", "no matches for kind")
	if !d.Found() {
		t.Error("nothing found")
	}
}
