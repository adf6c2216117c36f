// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// preview tells what the next reconcile of an owner would do, one line per object.
func (r *rig) preview(t *testing.T, e *Engine, o Owner, inventory []Entry, manifests string, po PlanOptions) ([]Preview, string) {
	t.Helper()
	set, err := e.Prepare(o, r.objects(t, manifests), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := e.Plan(t.Context(), r.clients, o, set, inventory, po)
	if err != nil {
		t.Fatal(err)
	}
	found, err := e.Preview(t.Context(), r.clients, plan)
	if err != nil {
		t.Fatal(err)
	}
	stale, err := e.PreviewPrune(t.Context(), r.clients, plan)
	if err != nil {
		t.Fatal(err)
	}
	found = append(found, stale...)
	lines := make([]string, 0, len(found))
	for _, p := range found {
		lines = append(lines, strings.ReplaceAll(p.Subject, r.ns, "ns")+" "+string(p.Action))
	}
	return found, strings.Join(lines, "\n")
}

// TestPreview checks that a preview says what the next pass does, costs two requests an object, and writes nothing.
func TestPreview(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	manifests := configMaps(4, "x")
	p := r.reconcile(t, o, nil, manifests)
	if p.err != nil {
		t.Fatal(p.err)
	}
	stranger, err := New(Config{Field: testField, Group: testGroup})
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*Engine{"with a ledger": r.Engine, "without": stranger} {
		r.counter.take()
		_, got := r.preview(t, e, o, p.inventory(), manifests, PlanOptions{Prune: true})
		want := "ConfigMap/ns/cm-00 unchanged\nConfigMap/ns/cm-01 unchanged\nConfigMap/ns/cm-02 unchanged\nConfigMap/ns/cm-03 unchanged"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, nothing differs after a pass (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(map[string]int{"dry-run": 4, "get": 4}, r.counter.take()); diff != "" {
			t.Errorf("%s, requests (-want +got):\n%s", name, diff)
		}
	}

	r.patchConfigMap(t, "cm-01", "operator", map[string]string{"value": "wrong"})
	next := strings.ReplaceAll(configMaps(3, "x"), "cm-02", "other")
	r.counter.take()
	found, got := r.preview(t, stranger, o, p.inventory(), next, PlanOptions{Prune: true})
	want := "ConfigMap/ns/cm-00 unchanged\nConfigMap/ns/cm-01 configured\nConfigMap/ns/other created\nConfigMap/ns/cm-03 deleted\nConfigMap/ns/cm-02 deleted"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if counts := r.counter.take(); counts["apply"]+counts["patch"]+counts["delete"]+counts["post"] > 0 {
		t.Errorf("a preview wrote: %v", counts)
	}
	live, _ := found[1].Live.Object["data"].(map[string]any)
	after, _ := found[1].After.Object["data"].(map[string]any)
	if live["value"] != "wrong" || after["value"] != "x" {
		t.Errorf("live %v, after %v", live, after)
	}
	r.wake(t, o) // the watch has shown the change
	p = r.reconcile(t, o, p.inventory(), next)
	if p.err != nil {
		t.Fatal(p.err)
	}
	p.changes.Append(p.pruned)
	if diff := cmp.Diff(want, strings.ReplaceAll(p.changes.Lines(), r.ns, "ns")); diff != "" {
		t.Errorf("the pass did something else (-preview +pass):\n%s", diff)
	}
}
