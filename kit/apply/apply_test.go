// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// configMaps renders n ConfigMaps with the same value.
func configMaps(n int, value string) string {
	docs := make([]string, n)
	for i := range docs {
		docs[i] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%02d, namespace: $NS}\ndata: {value: %q}", i, value)
	}
	return strings.Join(docs, "\n---\n")
}

func TestRequestBudget(t *testing.T) {
	r := newRig(t)
	const owners, each = 10, 10
	inventories := map[int][]Entry{}
	manifests := func(i int, value string) string {
		return strings.ReplaceAll(configMaps(each, value), "name: cm", fmt.Sprintf("name: app%d", i))
	}
	all := func(e *Engine, value string) {
		t.Helper()
		for i := range owners {
			p := r.reconcileWith(t, e, r.owner(fmt.Sprint("app", i)), inventories[i], manifests(i, value))
			if p.err != nil {
				t.Fatal(p.err)
			}
			inventories[i] = p.inventory()
		}
	}
	want := func(what string, counts map[string]int) {
		t.Helper()
		got := r.counter.take()
		t.Logf("%s: %v", what, got)
		if diff := cmp.Diff(counts, got); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", what, diff)
		}
	}
	total := owners * each
	r.counter.take()

	all(r.Engine, "one")
	want("first apply", map[string]int{"dry-run": total, "apply": total})
	all(r.Engine, "one")
	want("nothing changed", map[string]int{})
	all(r.Engine, "two")
	want("everything changed", map[string]int{"dry-run": total, "apply": total})
	all(r.Engine, "two")
	want("nothing changed again", map[string]int{})

	restarted := r.start(t)
	all(restarted, "two")
	want("restart", map[string]int{"dry-run": total, "get": total})
	all(restarted, "two")
	want("nothing changed after restart", map[string]int{})
	r.quiet(t)
}

func TestRoundTrip(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	const manifest = `apiVersion: v1
kind: ConfigMap
metadata: {name: cm, namespace: $NS, labels: {team: blue}, annotations: {note: x}}
data: {a: "1", b: "2"}`
	p := r.reconcile(t, o, nil, manifest)
	if p.err != nil {
		t.Fatal(p.err)
	}
	if diff := cmp.Diff(map[string]Action{"ConfigMap/" + r.ns + "/cm": Created}, p.changes.Map()); diff != "" {
		t.Fatalf("changes (-want +got):\n%s", diff)
	}

	cms := r.admin.CoreV1().ConfigMaps(r.ns)
	live, err := cms.Get(t.Context(), "cm", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	live.Data["a"], live.Data["mine"] = "changed", "stays"
	if _, err := cms.Update(t.Context(), live, metav1.UpdateOptions{FieldManager: "operator"}); err != nil {
		t.Fatal(err)
	}
	r.wake(t, o)
	if !r.Drifted(o) {
		t.Error("Drifted is false after an edit")
	}
	p = r.reconcile(t, o, p.inventory(), manifest)
	if diff := cmp.Diff(Configured, p.changes.Items[0].Action); diff != "" {
		t.Errorf("action (-want +got):\n%s", diff)
	}
	live, err = cms.Get(t.Context(), "cm", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "2", "mine": "stays"}, live.Data); diff != "" {
		t.Errorf("data after correction (-want +got):\n%s", diff)
	}

	p = r.reconcile(t, o, p.inventory(), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, namespace: $NS}\ndata: {a: \"1\"}")
	if p.err != nil {
		t.Fatal(p.err)
	}
	live, err = cms.Get(t.Context(), "cm", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := live.Labels["team"]; ok || len(live.Annotations) > 0 || live.Data["b"] != "" {
		t.Errorf("fields removed from the source are still live: %v %v %v", live.Labels, live.Annotations, live.Data)
	}
	r.caughtUp(t, r.Engine, o)
	if r.Drifted(o) || !r.Settled(o) {
		t.Errorf("Drifted=%v Settled=%v after an undisturbed pass", r.Drifted(o), r.Settled(o))
	}
}

func TestSameMeaning(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	limited := func(cpu string) string {
		return strings.ReplaceAll(deployment("1"), `image: "i:1"`, `image: "i:1", resources: {limits: {cpu: "`+cpu+`"}}`)
	}
	p := r.reconcile(t, o, nil, limited("1000m"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	p = r.reconcile(t, o, p.inventory(), limited("1"))
	if p.err != nil || p.changes.Items[0].Action != Unchanged {
		t.Errorf("another way to write the same: %v %v", p.changes.Map(), p.err)
	}
}

func TestOwnersInParallel(t *testing.T) {
	r := newRig(t)
	const owners = 8
	var wg sync.WaitGroup
	for i := range owners {
		wg.Go(func() {
			o := r.owner(fmt.Sprint("app", i))
			manifests := func(n int, value string) string {
				return strings.ReplaceAll(configMaps(n, value), "name: cm", fmt.Sprintf("name: app%d", i))
			}
			var inventory []Entry
			for round, n := range []int{5, 8, 3, 3} {
				p := r.reconcile(t, o, inventory, manifests(n, fmt.Sprint(min(round, 2))))
				if p.err != nil {
					t.Error(p.err)
					return
				}
				inventory = p.inventory()
				h, err := r.Health(t.Context(), r.clients, o, HealthSet{Entries: p.plan.HealthEntries()})
				if err != nil || h.Current != n {
					t.Errorf("health of %s: %+v %v", o, h, err)
				}
			}
			r.caughtUp(t, r.Engine, o)
			if !r.Settled(o) {
				t.Errorf("%s is not settled", o)
			}
		})
	}
	wg.Wait()
	list, err := r.admin.CoreV1().ConfigMaps(r.ns).List(t.Context(), metav1.ListOptions{LabelSelector: testGroup + "/name"})
	if err != nil || len(list.Items) != owners*3 {
		t.Errorf("%d objects left, want %d (%v)", len(list.Items), owners*3, err)
	}
	r.quiet(t)
}
