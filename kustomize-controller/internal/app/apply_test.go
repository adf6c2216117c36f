// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

func ids(ks *kustomizev1.Kustomization) []string {
	list := []string{}
	if ks.Status.Inventory == nil {
		return nil
	}
	for _, e := range ks.Status.Inventory.Entries {
		list = append(list, e.ID)
	}
	return list
}

func TestApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.push(map[string]string{"app/a.yaml": f.manifest("a", "1"), "app/b.yaml": f.manifest("b", "1"), "other/c.yaml": f.manifest("c", "1")})
	f.create("app", "./app", nil)
	ks := f.awaitReady("app", first)
	if diff := cmp.Diff([]string{f.namespace + "_a__ConfigMap", f.namespace + "_b__ConfigMap"}, ids(ks)); diff != "" {
		t.Errorf("inventory: -want, +got:\n%s", diff)
	}
	a, b := f.configMap("a"), f.configMap("b")
	if a == nil || b == nil || f.configMap("c") != nil {
		t.Fatalf("want a and b and not c, got %v, %v, %v", a, b, f.configMap("c"))
	}
	if a.Labels[kustomizev1.NameLabel] != "app" || a.Labels[kustomizev1.NamespaceLabel] != f.namespace {
		t.Errorf("ownership labels missing: %v", a.Labels)
	}

	second := f.push(map[string]string{"app/a.yaml": f.manifest("a", "2"), "app/b.yaml": f.manifest("b", "1")})
	ks = f.awaitReady("app", second)
	if got := f.configMap("a"); got.Data["value"] != "2" || got.UID != a.UID {
		t.Errorf("a must be changed in place, got %v", got)
	}
	if got := f.configMap("b"); got.ResourceVersion != b.ResourceVersion {
		t.Errorf("b did not change and must not be written")
	}
	if n := len(ks.Status.History); n != 2 || ks.Status.History[0].Metadata["revision"] != second {
		t.Errorf("history: %+v", ks.Status.History)
	}
}

// TestForcedNoop counts requests. It runs alone: beside others, a run may pause for longer than what counts as its end.
func TestForcedNoop(t *testing.T) {
	var requests testkit.Requests
	f := newIdleFixture(t)
	f.config = requests.Count(f.cluster.Config)
	f.start()
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1"), "b.yaml": f.manifest("b", "1")})
	f.create("app", "", nil)
	f.awaitReady("app", revision)
	// Events are sent in the background. The last of them says that it is over.
	f.eventually("the event of success is there", func() bool {
		return slices.ContainsFunc(f.cluster.Events(t, f.namespace, "app"), func(e corev1.Event) bool {
			return strings.HasPrefix(e.Message, "Reconciliation finished in ")
		})
	})
	requests.Settle(t)
	f.change(func(ks *kustomizev1.Kustomization) {
		ks.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "once"}
	})
	f.await("app", "the request is handled", func(ks *kustomizev1.Kustomization) bool { return ks.Status.LastHandledReconcileAt == "once" })
	counts := requests.Spent(t)
	testkit.Log(t, counts)
	for request, n := range counts {
		if request.Resource != "kustomizations/status" && request.Verb != "watch" {
			t.Errorf("nothing moved, yet there were %d × %s", n, request)
		}
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.push(map[string]string{"a.yaml": f.manifest("a", "1"), "b.yaml": f.manifest("b", "1"), "c.yaml": f.manifest("c", "1")})
	f.create("app", "", nil)
	f.await("app", "three objects", func(ks *kustomizev1.Kustomization) bool { return len(ids(ks)) == 3 && f.configMap("c") != nil })
	kept := f.configMap("c")
	kept.Annotations = map[string]string{kustomizev1.PruneKey: kustomizev1.DisabledValue}
	if err := f.cluster.Client.Update(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	revision := f.push(map[string]string{"a2.yaml": f.manifest("a2", "1")})
	ks := f.awaitReady("app", revision)
	if diff := cmp.Diff([]string{f.namespace + "_a2__ConfigMap"}, ids(ks)); diff != "" {
		t.Errorf("inventory: -want, +got:\n%s", diff)
	}
	if f.configMap("a") != nil || f.configMap("b") != nil {
		t.Error("what left the source must be deleted")
	}
	if f.configMap("a2") == nil || f.configMap("c") == nil {
		t.Error("what is in the source, and what says it must not be pruned, must be there")
	}
}

func TestPruneOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.push(map[string]string{"a.yaml": f.manifest("a", "1"), "b.yaml": f.manifest("b", "1")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) { ks.Spec.Prune = false })
	f.await("app", "two objects", func(ks *kustomizev1.Kustomization) bool { return len(ids(ks)) == 2 })
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	ks := f.awaitReady("app", revision)
	if f.configMap("b") == nil || len(ids(ks)) != 1 {
		t.Errorf("b must stay and be forgotten, inventory %v", ids(ks))
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.create("app", "", nil)
	f.awaitReady("app", revision)
	a := f.configMap("a")
	a.Data["value"] = "by hand"
	if err := f.cluster.Client.Update(t.Context(), a, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	f.eventually("the hand edit is put back", func() bool { return f.configMap("a").Data["value"] == "1" })
	if err := f.cluster.Client.Delete(t.Context(), f.configMap("a")); err != nil {
		t.Fatal(err)
	}
	f.eventually("the deleted object comes back", func() bool { return f.configMap("a") != nil })
}

func TestMetadataAndSubstitution(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.cluster.Create(t, testkit.ConfigMap(f.namespace, "vars", map[string]string{"size": "small", "zone": "a"}))
	f.cluster.Create(t, testkit.Secret(f.namespace, "more", map[string]string{"zone": "b"}))
	revision := f.push(map[string]string{"a.yaml": strings.ReplaceAll(f.manifest("a", "X"), "X", "${size}-${zone}-${own:=default}")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) {
		ks.Spec.CommonMetadata = &kustomizev1.CommonMetadata{Labels: map[string]string{"team": "blue"}, Annotations: map[string]string{"note": "n"}}
		ks.Spec.PostBuild = &kustomizev1.PostBuild{
			Substitute: map[string]string{"size": "large"},
			SubstituteFrom: []kustomizev1.SubstituteReference{
				{Kind: "ConfigMap", Name: "vars"}, {Kind: "Secret", Name: "more"}, {Kind: "ConfigMap", Name: "absent", Optional: true},
			},
		}
	})
	f.awaitReady("app", revision)
	a := f.configMap("a")
	if a.Data["value"] != "large-b-default" || a.Labels["team"] != "blue" || a.Annotations["note"] != "n" {
		t.Errorf("got %v %v %v", a.Data, a.Labels, a.Annotations)
	}
}
