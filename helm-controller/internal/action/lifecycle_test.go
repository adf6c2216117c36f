// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

func TestRollback(t *testing.T) {
	r := newRig(t)
	maps := func(version, data string) *chart.Chart {
		return newChart(version, map[string]string{"templates/a.yaml": configMap("a", "", data)})
	}
	_, err := r.install(maps("1.0.0", "x: one"), nil)
	r.must(err)
	_, err = r.upgrade(maps("1.0.1", "x: two"), nil)
	r.must(err)
	o, err := r.runner.Rollback(t.Context(), r.target(release.ActionRollback), 1)
	r.must(err)
	if got := r.data("a", "x"); got != "one" {
		t.Errorf("data %q", got)
	}
	if o.Newest.Version != 3 || o.Newest.Info.Description != "Rollback to 1" || !o.Newest.IsServerSide() {
		t.Errorf("newest %+v", o.Newest)
	}
	_, err = r.runner.Rollback(t.Context(), r.target(release.ActionRollback), 7)
	wantError(t, err, "release has no 7 version")
}

func TestUninstall(t *testing.T) {
	r := newRig(t)
	uninstall := func() (action.Outcome, error) {
		return r.runner.Uninstall(t.Context(), r.target(release.ActionUninstall))
	}
	_, err := uninstall()
	if !errors.Is(err, action.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	_, err = r.runner.UninstallRemediation(t.Context(), r.target(release.ActionUninstallRemediation))
	if !errors.Is(err, action.ErrNotUpdated) {
		t.Errorf("error %v", err)
	}
	r.obj.Spec.Uninstall = &helmv2.Uninstall{KeepHistory: true}
	_, err = r.install(newChart("1.0.0", map[string]string{
		"templates/a.yaml": configMap("a", "", "x: z"), "templates/k.yaml": configMap("kept", "helm.sh/resource-policy: keep", "x: z"),
	}), nil)
	r.must(err)
	o, err := uninstall()
	r.must(err)
	if o.Newest.Info.Status != helmrelease.StatusUninstalled || r.get("v1", "ConfigMap", "a") != nil || r.get("v1", "ConfigMap", "kept") == nil {
		t.Errorf("status %s", o.Newest.Info.Status)
	}
	if _, err = uninstall(); !errors.Is(err, action.ErrAlreadyUninstalled) {
		t.Errorf("error %v", err)
	}
	_, err = r.install(tenMaps("1.0.0"), nil)
	wantError(t, err, "cannot re-use a name that is still in use")
	r.obj.Spec.Install = &helmv2.Install{Replace: true}
	_, err = r.install(tenMaps("1.0.0"), nil)
	r.must(err)
}

// TestUninstallWaits holds that an uninstall, be it a remediation, waits until objects are gone, says which are not, and goes on later.
func TestUninstallWaits(t *testing.T) {
	for name, uninstall := range map[string]func(*action.Runner, context.Context, action.Target) (action.Outcome, error){
		"Uninstall": (*action.Runner).Uninstall, "Remediation": (*action.Runner).UninstallRemediation,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			_, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: z")}), nil)
			r.must(err)
			hold := func(finalizers ...string) {
				held := r.get("v1", "ConfigMap", "a")
				held.SetFinalizers(finalizers)
				r.must(r.live.Update(t.Context(), held))
			}
			hold("example.com/held")
			r.obj.Spec.Uninstall = &helmv2.Uninstall{Timeout: &metav1.Duration{Duration: 500 * time.Millisecond}}
			for range 2 {
				_, err = uninstall(r.runner, t.Context(), r.target(release.ActionUninstall))
				wantError(t, err, "ConfigMap/"+r.ns+"/a termination timeout")
				if n := r.newest(); n == nil || n.Info.Status != helmrelease.StatusUninstalling {
					t.Fatalf("the release is forgotten while an object is left: %+v", n)
				}
			}
			hold()
			_, err = uninstall(r.runner, t.Context(), r.target(release.ActionUninstall))
			r.must(err)
			if r.newest() != nil {
				t.Error("history is left")
			}
		})
	}
}

// killAfter runs an action until it has written to storage so often, and never lets it go on, as kill -9 would.
func (r *rig) killAfter(writes int, run func(target action.Target)) {
	target := r.unclosed("")
	dead, seen := make(chan struct{}), 0
	target.Observe = func(release.Write) {
		if seen++; seen == writes {
			close(dead)
			select {}
		}
	}
	go run(target)
	<-dead
}

// TestUninstalling goes on with an uninstall that was interrupted.
func TestUninstalling(t *testing.T) {
	r := newRig(t)
	_, err := r.install(tenMaps("1.0.0"), nil)
	r.must(err)
	r.killAfter(1, func(target action.Target) { _, _ = r.runner.Uninstall(t.Context(), target) })
	if got := r.newest().Info.Status; got != helmrelease.StatusUninstalling {
		t.Fatalf("status %s", got)
	}
	_, err = r.runner.Uninstall(t.Context(), r.target(release.ActionUninstall))
	r.must(err)
	if r.newest() != nil || r.get("v1", "ConfigMap", "cm1") != nil {
		t.Error("something is left")
	}
}

// TestKilled ends an install and an upgrade after each of their writes, as kill -9 would: the next run finds its way.
func TestKilled(t *testing.T) {
	for writes := 1; writes <= 2; writes++ {
		r := newRig(t)
		r.killAfter(writes, func(target action.Target) {
			_, _ = r.runner.Install(t.Context(), target, tenMaps("1.0.0"), map[string]any{})
		})
		resume := func(version string) {
			was, unlocked, _, err := r.runner.Unlock(t.Context(), r.target(release.ActionUnlock))
			r.must(err)
			if pending := was.Info.Status.IsPending(); pending != unlocked || pending != (writes == 1) {
				t.Errorf("after %d writes: was %s, unlocked %v", writes, was.Info.Status, unlocked)
			}
			_, err = r.upgrade(tenMaps(version), map[string]any{"v": 7})
			r.must(err)
			if got := r.data("cm9", "v"); got != "7" {
				t.Errorf("data %q", got)
			}
		}
		resume("1.0.1")
		if writes > 1 {
			continue // an upgrade writes in another order
		}
		r.killAfter(1, func(target action.Target) {
			_, _ = r.runner.Upgrade(t.Context(), target, tenMaps("1.0.2"), map[string]any{})
		})
		resume("1.0.3")
	}
}

const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.NAME.example.com
spec:
  group: NAME.example.com
  names: {kind: Thing, listKind: ThingList, plural: things, singular: thing}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, description: DESC, x-kubernetes-preserve-unknown-fields: true}}
`

func TestDefinitions(t *testing.T) {
	for _, onServer := range []bool{true, false} {
		r := newRig(t)
		name := "things." + r.ns + ".example.com"
		withCRD := func(version, description string) *chart.Chart {
			c := newChart(version, map[string]string{"templates/thing.yaml": "{{ if .Capabilities.APIVersions.Has \"" + r.ns + ".example.com/v1\" }}\n" +
				"apiVersion: " + r.ns + ".example.com/v1\nkind: Thing\nmetadata: {name: thing}\n{{ end }}\n"})
			text := strings.NewReplacer("NAME", r.ns, "DESC", description).Replace(crd)
			c.Files = append(c.Files, &chart.File{Name: "crds/thing.yaml", Data: []byte(text + "---\n" + configMap("stray", "", "x: z"))})
			return c
		}
		description := func() string {
			u := r.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
			if u == nil {
				return "<gone>"
			}
			if u.GetLabels()[helmv2.NameLabel] != "app" {
				t.Errorf("labels %v", u.GetLabels())
			}
			versions, _ := u.Object["spec"].(map[string]any)["versions"].([]any)
			schema, _ := versions[0].(map[string]any)["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
			text, _ := schema["description"].(string)
			return text
		}
		r.obj.Spec.Install = &helmv2.Install{CRDs: helmv2.CRDsSkip, ServerSideApply: &onServer}
		_, err := r.install(withCRD("1.0.0", "one"), nil)
		r.must(err)
		if got := description(); got != "<gone>" {
			t.Errorf("Skip: %s", got)
		}
		steps := []struct {
			policy helmv2.CRDsPolicy
			text   string
			want   string
		}{{"", "one", "one"}, {helmv2.CRDsCreate, "two", "one"}, {helmv2.CRDsCreateReplace, "three", "three"}}
		for i, step := range steps {
			r.obj.Spec.Upgrade = &helmv2.Upgrade{CRDs: step.policy}
			// On a bare API server a condition says that the kind is served; the test has no controllers to wait for.
			o, err := r.upgrade(withCRD("1.0.1", step.text), nil)
			r.must(err)
			if got := description(); got != step.want {
				t.Errorf("server-side %v, step %d: %s", onServer, i, got)
			}
			if len(o.CRDs) != 1 || len(o.Definitions) != 2 || r.get("v1", "ConfigMap", "stray") != nil {
				t.Errorf("step %d: CRDs %q with %v", i, o.CRDs, o.Definitions)
			}
			if r.get(r.ns+".example.com/v1", "Thing", "thing") == nil {
				t.Errorf("server-side %v, step %d: the new kind was not known to the chart", onServer, i)
			}
		}
		r.obj.Spec.Upgrade = &helmv2.Upgrade{CRDs: "Sometimes"}
		_, err = r.upgrade(withCRD("1.0.2", "four"), nil)
		wantError(t, err, "failed to apply CustomResourceDefinitions: ", "Create", "CreateReplace", "Skip")
		r.must(r.live.Delete(t.Context(), r.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name), client.PropagationPolicy(metav1.DeletePropagationBackground)))
	}
}

func TestPreserveValues(t *testing.T) {
	r := newRig(t)
	c := func(version string) *chart.Chart {
		return newChart(version, map[string]string{"templates/a.yaml": configMap("a", "", `x: "{{ .Values.x }}{{ .Values.y }}"`)})
	}
	_, err := r.install(c("1.0.0"), map[string]any{"x": "1", "y": "2"})
	r.must(err)
	r.obj.Spec.Upgrade = &helmv2.Upgrade{PreserveValues: true}
	_, err = r.upgrade(c("1.0.1"), map[string]any{"x": "3"})
	r.must(err)
	if got := r.data("a", "x"); got != "32" {
		t.Errorf("preserved: %q", got)
	}
	r.obj.Spec.Upgrade = nil
	_, err = r.upgrade(c("1.0.2"), map[string]any{"x": "3"})
	r.must(err)
	if got := r.data("a", "x"); got != "3" {
		t.Errorf("reset: %q", got)
	}
}
