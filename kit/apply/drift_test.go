// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/testkit"
)

func (r *rig) patchConfigMap(t *testing.T, name, manager string, data map[string]string) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.admin.CoreV1().ConfigMaps(r.ns).Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDriftWakesOwner(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, configMaps(3, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	r.caughtUp(t, r.Engine, o)
	r.quiet(t)

	r.patchConfigMap(t, "cm-00", "operator", map[string]string{"other": "field"})
	r.patchConfigMap(t, "cm-01", "operator", map[string]string{"value": "wrong"})
	began := time.Now()
	r.wake(t, o)
	t.Logf("woken after %v", time.Since(began))
	r.counter.take()
	p = r.reconcile(t, o, p.inventory(), configMaps(3, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	if diff := cmp.Diff("ConfigMap/"+r.ns+"/cm-01 configured", p.changes.Lines(Created, Configured)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"dry-run": 1, "get": 1, "apply": 1}, r.counter.take()); diff != "" {
		t.Errorf("only the drifted object costs requests (-want +got):\n%s", diff)
	}

	if err := r.admin.CoreV1().ConfigMaps(r.ns).Delete(t.Context(), "cm-02", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.wake(t, o)
	p = r.reconcile(t, o, p.inventory(), configMaps(3, "x"))
	if diff := cmp.Diff("ConfigMap/"+r.ns+"/cm-02 created", p.changes.Lines(Created, Configured)); diff != "" {
		t.Errorf("changes after a deletion (-want +got):\n%s", diff)
	}
	other := r.owner("other")
	if q := r.reconcile(t, other, nil, strings.ReplaceAll(configMaps(1, "x"), "cm-00", "other")); q.err != nil {
		t.Fatal(q.err)
	}
	r.caughtUp(t, r.Engine, o)
	r.quiet(t)
	r.Forget(o)
	r.patchConfigMap(t, "cm-00", "operator", map[string]string{"value": "wrong"})
	r.patchConfigMap(t, "other", "operator", map[string]string{"value": "wrong"})
	select { // the watch tells of both, in this order; none was corrected before, which would delay its wake
	case got := <-r.woken:
		if got != other {
			t.Errorf("%s was woken after it was forgotten", got)
		}
	case <-time.After(testkit.Patience):
		t.Error("nobody was woken")
	}
}

func TestContested(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, configMaps(1, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	id, err := p.inventory()[0].parse()
	if err != nil {
		t.Fatal(err)
	}
	var contested []Contested
	var delays []time.Duration
	for range contestedAfter {
		r.caughtUp(t, r.Engine, o)
		last, _ := r.ledger.find(o).posting(id)
		r.patchConfigMap(t, "cm-00", "stubborn", map[string]string{"value": "wrong"})
		r.wake(t, o)
		if early := time.Until(last.last.Add(last.delay())); early > 0 {
			t.Errorf("woken %v before the end of the back-off", early)
		}
		delays = append(delays, last.delay())
		p = r.reconcile(t, o, p.inventory(), configMaps(1, "x"))
		if p.err != nil || p.changes.Items[0].Action != Configured {
			t.Fatalf("%v %v", p.changes.Map(), p.err)
		}
		contested = p.changes.Contested
	}
	want := []Contested{{Entry: p.inventory()[0], Subject: "ConfigMap/" + r.ns + "/cm-00", Manager: "stubborn", Times: contestedAfter}}
	if diff := cmp.Diff(want, contested); diff != "" {
		t.Errorf("contested (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{0, firstDelay, 2 * firstDelay}, delays); diff != "" {
		t.Errorf("back-off between corrections (-want +got):\n%s", diff)
	}
}

func TestTwoOwners(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	p := r.reconcile(t, a, nil, configMaps(1, "x"))
	q := r.reconcile(t, b, nil, configMaps(1, "x"))
	r.caughtUp(t, r.Engine, b)
	r.quiet(t)
	if !r.Drifted(a) {
		t.Error("the first owner does not see that its object was claimed")
	}
	p = r.reconcile(t, a, p.inventory(), configMaps(1, "x"))
	if p.err != nil || q.err != nil {
		t.Fatal(p.err, q.err)
	}
	if len(p.changes.Contested) != 1 || p.changes.Contested[0].Owner != b {
		t.Errorf("contested = %v", p.changes.Contested)
	}
}

func TestVerify(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, configMaps(2, "x"))
	r.counter.take()
	p = r.reconcile(t, o, p.inventory(), configMaps(2, "x"), verifyAll)
	if p.err != nil {
		t.Fatal(p.err)
	}
	if diff := cmp.Diff(map[string]int{"dry-run": 2, "get": 2}, r.counter.take()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if len(p.changes.Only(Unchanged)) != 2 {
		t.Errorf("changes: %v", p.changes.Map())
	}
}

func TestBlind(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	remote := r.clients
	remote.Remote = true
	for name, tc := range map[string]struct {
		reason  string
		engine  *Engine
		clients Clients
	}{
		"NotWatching": {"an engine without watches compares everything", r.start(t, func(c *Config) { c.Watch = Clients{} }), r.clients},
		"Refused":     {"a watch that is forbidden does not stand in the way", r.start(t, func(c *Config) { c.Watch = r.impersonate(t, "nobody") }), r.clients},
		"Remote":      {"another cluster is not watched", r.Engine, remote},
	} {
		t.Run(name, func(t *testing.T) {
			was := r.clients
			r.clients = tc.clients
			defer func() { r.clients = was }()
			p := r.reconcileWith(t, tc.engine, o, nil, configMaps(1, name))
			if p.err != nil {
				t.Fatal(p.err)
			}
			p = r.reconcileWith(t, tc.engine, o, p.inventory(), configMaps(1, name))
			if p.err != nil || p.changes.Items[0].Action != Unchanged {
				t.Errorf("%s: %v %v", tc.reason, p.changes.Map(), p.err)
			}
			if tc.engine.Settled(o) || tc.engine.Drifted(o) {
				t.Errorf("%s: Settled=%v Drifted=%v", tc.reason, tc.engine.Settled(o), tc.engine.Drifted(o))
			}
			r.patchConfigMap(t, "cm-00", "operator", map[string]string{"value": "wrong"})
			p = r.reconcileWith(t, tc.engine, o, p.inventory(), configMaps(1, name))
			if p.err != nil || p.changes.Items[0].Action != Configured {
				t.Errorf("%s: %v %v", tc.reason, p.changes.Map(), p.err)
			}
			h, err := tc.engine.Health(t.Context(), r.clients, o, HealthSet{Entries: p.inventory()})
			if err != nil || !h.AllCurrent() {
				t.Errorf("%s: health %v %v", tc.reason, h, err)
			}
			p = r.reconcileWith(t, tc.engine, o, p.inventory(), "")
			if p.err != nil || p.pruned.Items[0].Action != Deleted {
				t.Errorf("%s: prune %v %v", tc.reason, p.pruned.Map(), p.err)
			}
		})
	}
}
