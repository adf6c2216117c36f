// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/cli-utils/pkg/object"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

const (
	// deepenLimit bounds the wait for the first list of full objects of a kind; what is not there by then is read one by one.
	deepenLimit = 3 * time.Second
	// healthRecheck is the interval for health that no watch can tell. Flux: kustomize-controller polls every 5 s.
	healthRecheck = 5 * time.Second
)

// ObjectHealth is the state of one object that is not Current.
type ObjectHealth struct {
	Entry

	Subject string
	// Status is InProgress, Failed, Terminating, NotFound or Unknown.
	Status  string
	Problem string
}

func (o ObjectHealth) String() string {
	return describe(o.Subject, observe.Status{State: status.Status(o.Status), Problem: o.Problem})
}

// Health is the state of a set of objects at one moment.
type Health struct {
	// Current counts the objects that are fine.
	Current int
	// Failed and Pending are in the order of the set.
	Failed, Pending []ObjectHealth
	// Recheck is after what time to ask again although nothing woke the owner; 0 if the watches see everything.
	Recheck time.Duration
}

// AllCurrent tells whether every object is fine.
func (h Health) AllCurrent() bool { return len(h.Failed) == 0 && len(h.Pending) == 0 }

// Terminal tells whether waiting longer is pointless: nothing is pending, or something failed and failFast is set.
func (h Health) Terminal(failFast bool) bool {
	return len(h.Pending) == 0 || failFast && len(h.Failed) > 0
}

// Err says what is wrong: everything that is not Current if the wait timed out, and what failed otherwise. It is nil if there is
// nothing to report.
func (h Health) Err(timedOut bool) error {
	list, text := h.Failed, "failed early due to stalled resources"
	if timedOut {
		list, text = append(slices.Clip(list), h.Pending...), "timeout waiting for"
	}
	if len(list) == 0 {
		return nil
	}
	items := make([]string, 0, len(list))
	for _, o := range list {
		items = append(items, o.String())
	}
	return errors.New(text + ": [" + strings.Join(items, ", ") + "]")
}

// Health takes a snapshot of a set and registers the owner's interest in it: when the set has become healthy, or can no longer
// do so, the owner is woken. It may send one request per object the first time, and none while the watches know the answer.
func (e *Engine) Health(ctx context.Context, c Clients, owner Owner, set HealthSet) (Health, error) {
	a := e.ledger.open(owner)
	in, err := a.interested(c, set)
	if err != nil {
		return Health{}, err
	}
	v := &visit{engine: e, clients: c, owner: owner, account: a, in: in, targets: map[schema.GroupVersionKind]target{}}
	v.deepen(ctx)
	var h Health
	for _, k := range in.list {
		st, err := v.status(ctx, k)
		if err != nil {
			return Health{}, err
		}
		h.add(k, st)
	}
	h.Recheck = v.recheck
	if e.hub != nil {
		e.hub.KeepSpots(owner.key(), v.spots())
	}
	a.told(in, h.outcome(in.failFast))
	e.healthChanged(a, owner) // what the watches saw during the visit
	return h, nil
}

// told ends a visit: from now on a change is news to the owner.
func (a *account) told(in *interest, now outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in.told, in.visiting = now, false
	if now == healthy {
		a.health = nil
	}
}

func (h *Health) add(k known, st observe.Status) {
	o := ObjectHealth{Entry: k.Entry, Subject: k.Subject(), Status: st.State.String(), Problem: st.Problem}
	switch st.State {
	case status.CurrentStatus:
		h.Current++
	case status.FailedStatus:
		h.Failed = append(h.Failed, o)
	default:
		h.Pending = append(h.Pending, o)
	}
}

func (h Health) outcome(failFast bool) outcome {
	switch {
	case h.AllCurrent():
		return healthy
	case h.Terminal(failFast):
		return unhealthy
	default:
		return waiting
	}
}

// healthChanged wakes an owner whose health wait has come to another end than the one it knows.
func (e *Engine) healthChanged(a *account, owner Owner) {
	a.mu.Lock()
	in := a.health
	visiting := in != nil && in.visiting
	a.mu.Unlock()
	if in == nil || visiting {
		return
	}
	var h Health
	for _, k := range in.list {
		st, ok := e.watched(a, owner, in, k.id)
		if !ok {
			return // the owner will find out when it asks
		}
		h.add(k, st)
	}
	now := h.outcome(in.failFast)
	a.mu.Lock()
	news := a.health == in && in.told != now
	in.told = now
	a.mu.Unlock()
	if news && now != waiting {
		e.cfg.Wake(owner)
	}
}

// watched returns the health of an object as the watches know it; false if they do not.
func (e *Engine) watched(a *account, owner Owner, in *interest, id object.ObjMetadata) (observe.Status, bool) {
	if st, ok := e.watchedByKind(a, owner, in, id); ok {
		return st, true
	}
	if e.hub == nil || !a.spotted(id) {
		return observe.Status{}, false
	}
	st, ok := e.hub.SpotStatus(owner.key(), id)
	if !ok || st.Rule != ruleOf(in.exprs.find(id.GroupKind)) {
		return observe.Status{}, false
	}
	return in.judge(id, st), true
}

// watchedByKind returns the health of an object as the watch of its kind knows it.
func (e *Engine) watchedByKind(a *account, owner Owner, in *interest, id object.ObjMetadata) (observe.Status, bool) {
	if e.hub == nil {
		return observe.Status{}, false
	}
	last, posted := a.posting(id)
	rec, presence := e.hub.Lookup(id, last.version)
	switch {
	case presence == observe.Behind:
		return in.fresh(id), true
	case presence == observe.Absent && posted && last.version != "" && !last.skipped:
		return in.judge(id, observe.Status{State: status.NotFoundStatus}), true
	case presence != observe.Present || rec.Owner != owner.key():
		return observe.Status{}, false
	case posted && rec.Older(last.version):
		return in.fresh(id), true // the state before our last write says nothing
	case rec.Status.State == "" || rec.Status.Rule != ruleOf(in.exprs.find(id.GroupKind)):
		return observe.Status{}, false
	}
	return rec.Status, true
}

// spotted tells whether the owner may know what the watch of a single object shows.
func (a *account) spotted(id object.ObjMetadata) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spots[id]
}

// fresh is the health of an object that was written and whose event is still on its way.
func (in *interest) fresh(id object.ObjMetadata) observe.Status {
	if observe.Static(id.GroupKind) && in.exprs.find(id.GroupKind) == nil {
		return observe.Status{State: status.CurrentStatus}
	}
	return observe.Status{State: status.InProgressStatus}
}

// judge counts a finished Job that its TTL removed as success.
func (in *interest) judge(id object.ObjMetadata, st observe.Status) observe.Status {
	if st.State == status.NotFoundStatus && in.ttl[id] {
		st.State = status.CurrentStatus
	}
	return st
}

func ruleOf(by observe.Evaluator) string {
	if by == nil {
		return ""
	}
	return by.Rule()
}
