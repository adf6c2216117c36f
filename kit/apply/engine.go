// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// defaultConcurrency is how many requests one Apply has under way. Flux: --concurrent-ssa.
const defaultConcurrency = 4

// Config is what an Engine needs.
type Config struct {
	// Field is the field manager, for example "kustomize-controller".
	Field string
	// Group prefixes the labels and annotations, for example "kustomize.toolkit.fluxcd.io".
	Group string
	// Watch is the identity that watches the cluster; the zero value watches nothing.
	Watch Clients
	// Concurrency is the number of requests one Apply has under way; 0 means 4.
	Concurrency int
	// OverrideManagers are further field managers, by prefix, whose fields are taken over.
	OverrideManagers []string
	// CountUpdates makes fields that were written with the field manager but without server-side apply count as applied.
	CountUpdates bool
	// CustomStageKinds are applied before all other ordinary kinds.
	CustomStageKinds map[schema.GroupKind]struct{}
	// MigrateAPIVersion rewrites the API version in managedFields of live objects that are applied in another one.
	MigrateAPIVersion bool
	// Wake is called when an owner should be reconciled: something drifted, or something it waits for happened. It must not
	// block.
	Wake   func(Owner)
	Logger logr.Logger
}

// Engine applies sets of objects. All methods may be called concurrently, but one owner must not be worked on twice at a time.
type Engine struct {
	cfg    Config
	reader observe.Reader
	hub    *observe.Hub // nil: nothing is watched
	ledger *ledger
}

// New returns an engine. Its watches begin with Start.
func New(cfg Config) (*Engine, error) {
	if cfg.Field == "" || cfg.Group == "" {
		return nil, errors.New("apply engine needs a field manager and a label group")
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = defaultConcurrency
	}
	if cfg.Wake == nil {
		cfg.Wake = func(Owner) {}
	}
	e := &Engine{
		cfg:    cfg,
		reader: observe.Reader{Field: cfg.Field, Group: cfg.Group, Overrides: cfg.OverrideManagers, Updates: cfg.CountUpdates},
		ledger: newLedger(),
	}
	if cfg.Watch.Metadata == nil {
		return e, nil
	}
	hub, err := observe.NewHub(observe.Config{
		Reader:   e.reader,
		Metadata: cfg.Watch.Metadata,
		Dynamic:  cfg.Watch.Dynamic,
		Notify:   e.observe,
		Evaluator: func(owner types.NamespacedName, gk schema.GroupKind) observe.Evaluator {
			return e.evaluator(Owner(owner), gk)
		},
		Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	e.hub = hub
	return e, nil
}

// Start runs the watches until ctx ends.
func (e *Engine) Start(ctx context.Context) error {
	if e.hub == nil {
		<-ctx.Done()
		return nil
	}
	e.hub.Run(ctx)
	return nil
}

// Forget drops everything known about an owner, which is gone or suspended.
func (e *Engine) Forget(owner Owner) {
	e.ledger.close(owner)
	if e.hub != nil {
		e.hub.Release(owner.key())
	}
}

// Drifted tells whether the watches show an object that differs from what was applied for owner.
func (e *Engine) Drifted(owner Owner) bool {
	intact, _ := e.inspect(owner)
	return !intact
}

// Settled tells whether everything of owner is applied, watched and untouched, and nothing is awaited: with the same desired
// set, a pass would find nothing to do.
func (e *Engine) Settled(owner Owner) bool {
	intact, sure := e.inspect(owner)
	return intact && sure
}

// inspect compares the ledger of owner with the watches. sure means that all of it could be compared.
func (e *Engine) inspect(owner Owner) (intact, sure bool) {
	a := e.ledger.find(owner)
	if a == nil || e.hub == nil {
		return true, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	intact, sure = true, a.complete && len(a.awaited) == 0
	for id, p := range a.entries {
		switch rec, presence := e.hub.Lookup(id, p.version); presence {
		case observe.Unknown:
			sure = false
		case observe.Absent:
			intact = false
		case observe.Behind:
		case observe.Present:
			intact = intact && p.holds(rec, owner)
		}
	}
	return intact, sure
}

// lookup is Hub.Lookup for objects that may be on another cluster.
func (e *Engine) lookup(c Clients, id object.ObjMetadata, since string) (observe.Record, observe.Presence) {
	if c.Remote || e.hub == nil {
		return observe.Record{}, observe.Unknown
	}
	return e.hub.Lookup(id, since)
}

// observe takes what the watches tell.
func (e *Engine) observe(ev observe.Event) {
	owner := Owner(ev.Owner)
	a := e.ledger.find(owner)
	if a == nil {
		return
	}
	if a.isRemote() {
		return // what the watches show under this name is left over from before
	}
	e.healthChanged(a, owner)
	if ev.Spot {
		return
	}
	if a.stageMoved(ev.ID) || ev.Gone && a.terminated(ev.ID) {
		e.cfg.Wake(owner)
		return
	}
	if at, drifted := a.disturbed(ev, owner); drifted {
		e.wakeAt(a, owner, at)
	}
}

func (a *account) isRemote() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.remote
}

// disturbed tells whether an event shows a change that was not ours, and when to act on it.
func (a *account) disturbed(ev observe.Event, owner Owner) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.entries[ev.ID]
	if p == nil || p.writing > 0 || p.uid == "" {
		return time.Time{}, false
	}
	at := p.last.Add(p.delay())
	if ev.Gone {
		// A finished Job that its TTL removed is not put back before the next regular pass.
		return at, (p.loose || ev.Record.UID == p.uid) && !p.ttl
	}
	if p.holds(ev.Record, owner) {
		return at, false
	}
	// An object on its way out, or one that another owner claimed, is dealt with in the next regular pass.
	return at, !ev.Record.Deleting && (ev.Record.Owner == owner.key() || ev.Record.Owner == types.NamespacedName{})
}

// wakeAt wakes owner at the given time. Of several times the earliest counts.
func (e *Engine) wakeAt(a *account, owner Owner, at time.Time) {
	wait := time.Until(at)
	if wait <= 0 {
		e.cfg.Wake(owner)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		if a.due.Before(at) {
			return
		}
		a.timer.Stop()
	}
	a.due = at
	a.timer = time.AfterFunc(wait, func() {
		a.mu.Lock()
		a.timer = nil
		a.mu.Unlock()
		e.cfg.Wake(owner)
	})
}

// recheck looks again at an object that was just written: an event that came while the write was under way was not judged.
func (e *Engine) recheck(a *account, owner Owner, id object.ObjMetadata) {
	if e.hub == nil {
		return
	}
	last, posted := a.posting(id)
	if !posted || a.isRemote() {
		return
	}
	ev := observe.Event{Owner: owner.key(), ID: id}
	switch rec, presence := e.hub.Lookup(id, last.version); presence {
	case observe.Unknown, observe.Behind:
		return
	case observe.Present:
		ev.Record = rec
	case observe.Absent:
		ev.Gone, ev.Record = true, observe.Record{UID: last.uid}
	}
	if at, drifted := a.disturbed(ev, owner); drifted {
		e.wakeAt(a, owner, at)
	}
}
