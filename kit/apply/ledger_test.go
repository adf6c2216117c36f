// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

func TestHolds(t *testing.T) {
	owner := Owner{Namespace: "ns", Name: "app"}
	ours, theirs := observe.Print{1}, observe.Print{2}
	rec := func(change func(*observe.Record)) observe.Record {
		r := observe.Record{UID: "u", Version: "20", Ours: ours, Owner: owner.key()}
		if change != nil {
			change(&r)
		}
		return r
	}
	base := posting{uid: "u", version: "10", ours: ours}
	cases := map[string]struct {
		reason string
		post   posting
		rec    observe.Record
		want   bool
	}{
		"Status":      {"a later version with our fields untouched is fine", base, rec(nil), true},
		"Taken":       {"a field was taken from us", base, rec(func(r *observe.Record) { r.Ours = theirs }), false},
		"NotOursYet":  {"without an entry of ours only the version counts", posting{uid: "u", version: "10"}, rec(func(r *observe.Record) { r.Ours = observe.Print{} }), false},
		"SameVersion": {"the very version we wrote is ours whatever it looks like", base, rec(func(r *observe.Record) { r.Version, r.Ours = "10", theirs }), true},
		"Behind":      {"a state before our write says nothing", base, rec(func(r *observe.Record) { r.Version, r.Ours = "9", theirs }), true},
		"Recreated":   {"another identity is another object", base, rec(func(r *observe.Record) { r.UID = "v" }), false},
		"OtherOwner":  {"somebody else claims it", base, rec(func(r *observe.Record) { r.Owner.Name = "other" }), false},
		"Kubectl":     {"fields of kubectl have to be taken over", base, rec(func(r *observe.Record) { r.Flags = observe.TakeOver }), false},
		"Merge":       {"unless they may stay", posting{uid: "u", version: "10", ours: ours, merge: true}, rec(func(r *observe.Record) { r.Flags = observe.TakeOver }), true},
		"OptsOut":     {"it opts out from now on", base, rec(func(r *observe.Record) { r.Flags = observe.Skip }), false},
		"StillOut":    {"it opted out before and still does", posting{uid: "u", version: "10", skipped: true}, rec(func(r *observe.Record) { r.Flags = observe.Skip }), true},
		"BackIn":      {"it no longer opts out", posting{uid: "u", version: "10", skipped: true}, rec(nil), false},
		"Loose":       {"what was only created is not looked at", posting{uid: "u", version: "10", loose: true}, rec(func(r *observe.Record) { r.UID = "v" }), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.post.holds(tc.rec, owner); got != tc.want {
				t.Errorf("%s: holds = %v", tc.reason, got)
			}
		})
	}
}

func TestUnrestCalmsDown(t *testing.T) {
	now := time.Unix(0, 0)
	p := &posting{}
	if p.delay() != 0 {
		t.Error("the first change has to wait")
	}
	var delays []time.Duration
	for range 14 {
		p.stir(now)
		delays = append(delays, p.delay())
		now = now.Add(p.delay())
	}
	if delays[0] != time.Second || delays[1] != 2*time.Second || delays[13] != longestDelay {
		t.Errorf("delays: %v", delays)
	}
	p.corrections = 5
	p.stir(now.Add(calm + longestDelay + time.Second))
	if p.unrest != 1 || p.corrections != 0 {
		t.Errorf("not forgotten after a quiet time: %d, %d", p.unrest, p.corrections)
	}
}

func TestOwnWritesDoNotWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var woken []time.Duration
		begin := time.Now()
		e := newTestEngine(t)
		e.cfg.Wake = func(Owner) { woken = append(woken, time.Since(begin)) }
		owner := Owner{Namespace: "ns", Name: "app"}
		id := object.ObjMetadata{Namespace: "ns", Name: "cm", GroupKind: schema.GroupKind{Kind: "ConfigMap"}}
		a := e.ledger.open(owner)
		event := func(version string, ours byte) {
			e.observe(observe.Event{Owner: owner.key(), ID: id, Record: observe.Record{
				UID: "u", Version: version, Ours: observe.Print{ours}, Owner: types.NamespacedName(owner),
			}})
		}
		it := &item{id: id}

		a.begin(id)
		event("10", 1) // before the answer to our own request
		a.post(it, observe.Record{UID: "u", Version: "10", Ours: observe.Print{1}}, false)
		a.end(id)
		event("10", 1) // after it
		event("11", 1) // a status
		if len(woken) > 0 {
			t.Fatalf("woken by own writes: %v", woken)
		}

		event("12", 2)
		if len(woken) != 1 {
			t.Fatalf("not woken at once: %v", woken)
		}
		a.stirred(id)
		a.post(it, observe.Record{UID: "u", Version: "13", Ours: observe.Print{3}}, false)
		event("14", 4)
		event("15", 5)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(woken) != 2 || woken[1] != firstDelay {
			t.Fatalf("woken at %v, want once more after %v", woken, firstDelay)
		}

		a.begin(id)
		a.end(id)
		if p, ok := a.posting(id); !ok || p.version != "13" {
			t.Error("a failed write lost what was known")
		}
		e.Forget(owner)
		event("16", 6)
		if len(woken) != 2 {
			t.Error("woken after Forget")
		}
	})
}

func TestStageLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t)
		p := &Plan{account: e.ledger.open(Owner{"ns", "app"})}
		waiting := []string{"CustomResourceDefinition/x status: 'InProgress'"}
		if _, ok := e.pending(p, waiting, pendingRecheck).(*StagePending); !ok { //nolint:errorlint // never wrapped
			t.Fatal("the first look is not a wait")
		}
		time.Sleep(stageLimit - time.Second)
		if _, ok := e.pending(p, waiting, pendingRecheck).(*StagePending); !ok { //nolint:errorlint // never wrapped
			t.Fatal("gave up too early")
		}
		time.Sleep(time.Second)
		err := e.pending(p, waiting, pendingRecheck)
		if err.Error() != "timeout waiting for: [CustomResourceDefinition/x status: 'InProgress']" {
			t.Fatalf("after the limit: %v", err)
		}
		if _, ok := e.pending(p, waiting, pendingRecheck).(*StagePending); !ok { //nolint:errorlint // never wrapped
			t.Fatal("the next attempt has no time of its own")
		}
	})
}

func TestStageLimitForNewContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t)
		p := &Plan{account: e.ledger.open(Owner{"ns", "app"})}
		it := &item{id: object.ObjMetadata{Name: "x"}}
		write := func(content byte) error {
			it.hash = [32]byte{content}
			p.account.await(it)
			return e.pending(p, []string{"x"}, pendingRecheck)
		}
		pending := func(err error) bool {
			_, ok := errors.AsType[*StagePending](err)
			return ok
		}
		if !pending(write(1)) {
			t.Fatal("the first look is not a wait")
		}
		time.Sleep(stageLimit - time.Second)
		if !pending(write(2)) {
			t.Fatal("gave up too early")
		}
		time.Sleep(stageLimit - time.Second)
		if !pending(write(2)) {
			t.Fatal("new content has no time of its own")
		}
		time.Sleep(time.Second)
		if pending(write(2)) {
			t.Fatal("writing the same again begins the wait anew")
		}
	})
}

// TestPanicIsAnError lets a library panic where work is done side by side: it is an error of the object, and its entry stays fit for use.
func TestPanicIsAnError(t *testing.T) {
	e := newTestEngine(t)
	owner := Owner{"ns", "app"}
	set, err := e.Prepare(owner, parse(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: ns}"), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{owner: owner, account: e.ledger.open(owner), steps: []*step{{item: set.items[0], verdict: probe, action: Created}}}
	p.account.post(set.items[0], observe.Record{UID: "u"}, false)
	errs := e.each(t.Context(), p.steps, func(ctx context.Context, s *step) error { return e.write(ctx, Clients{}, p, s) })
	if got := errText(errs[0]); !strings.HasPrefix(got, "panic in ConfigMap/ns/c: ") {
		t.Errorf("got %q", got)
	}
	if last, _ := p.account.posting(set.items[0].id); last.writing != 0 {
		t.Error("what the watches show of the object is taken for our own write from now on")
	}
	if errs = parallel(t.Context(), 1, 1, func(int) error { panic("oops") }); errText(errs[0]) != "panic in comparison: oops" {
		t.Errorf("got %v", errs)
	}
}
