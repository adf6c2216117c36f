// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// intakeLimit bounds one health expression over one object at intake.
	intakeLimit = 20 * time.Millisecond
	// slowRest is how long an expression that took longer is not tried again at intake.
	slowRest = time.Minute
)

// kind holds the records of one kind. Its users are guarded by the hub's lock, the rest by its own.
type kind struct {
	hub    *Hub
	target Target
	users  map[types.NamespacedName]struct{}

	mu      sync.Mutex
	records map[types.NamespacedName]Record
	seen    string        // newest resourceVersion delivered
	active  *source       // the source whose list the records stem from; nil before the first list
	opened  []*source     // all running sources: one, or two while the kind is being deepened
	blind   bool          // the active or only source cannot list or watch
	done    chan struct{} // closed at the first list or the first refusal
	isDone  bool
	deep    chan struct{} // closed when the records carry a status
	isDeep  bool
	slow    map[string]time.Time // rules that took too long at intake, and until when they are left out
}

func newKind(h *Hub, t Target) *kind {
	return &kind{
		hub: h, target: t,
		users:   map[types.NamespacedName]struct{}{},
		records: map[types.NamespacedName]Record{},
		done:    make(chan struct{}),
		deep:    make(chan struct{}),
		slow:    map[string]time.Time{},
	}
}

// open adds a source of metadata (or full objects) for the kind.
func (k *kind) open(full bool) *source {
	s := newSource(k.hub, k.target, full)
	s.selector = k.hub.cfg.Reader.Group + "/name"
	s.sink = &kindSink{kind: k, source: s}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opened = append(k.opened, s)
	return s
}

// deepen opens a source of full objects unless there is one.
func (k *kind) deepen() *source {
	k.mu.Lock()
	for _, s := range k.opened {
		if s.full {
			k.mu.Unlock()
			return nil
		}
	}
	k.mu.Unlock()
	return k.open(true)
}

func (k *kind) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.opened {
		s.stop()
	}
	k.opened = nil
}

func (k *kind) settled() <-chan struct{} { return k.done }

func (k *kind) settle() {
	if !k.isDone {
		k.isDone = true
		close(k.done)
	}
}

func (k *kind) isBlind() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.blind
}

func (k *kind) lookup(id object.ObjMetadata, since string) (Record, Presence) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.blind || k.active == nil {
		return Record{}, Unknown
	}
	rec, ok := k.records[types.NamespacedName{Namespace: id.Namespace, Name: id.Name}]
	switch {
	case !ok && since != "" && (k.seen == "" || Older(k.seen, since)):
		return Record{}, Behind
	case !ok:
		return Record{}, Absent
	}
	if rec.Status.State == "" && Static(k.target.Kind) {
		rec.Status = staticState(rec.Deleting)
	}
	return rec, Present
}

func (k *kind) advance(version string) {
	if k.seen == "" || Older(k.seen, version) {
		k.seen = version
	}
}

// kindSink takes what one source of a kind delivers.
type kindSink struct {
	kind   *kind
	source *source
}

func (s *kindSink) reduce(ctx context.Context, obj metav1.Object) Record {
	h := s.kind.hub
	rec := h.cfg.Reader.Read(obj)
	if u, ok := obj.(*unstructured.Unstructured); ok {
		var by Evaluator
		if h.cfg.Evaluator != nil {
			by = h.cfg.Evaluator(rec.Owner, s.kind.target.Kind)
		}
		rec.Status = s.kind.compute(ctx, u, by)
	}
	return rec
}

// compute is Compute at intake, where the objects of all owners wait for it: a rule that takes long is left to the run of its
// owner, for this object and for a while for all. The status is zero then.
func (k *kind) compute(ctx context.Context, u *unstructured.Unstructured, by Evaluator) Status {
	if by == nil {
		return Compute(ctx, u, nil)
	}
	k.mu.Lock()
	resting := time.Now().Before(k.slow[by.Rule()])
	k.mu.Unlock()
	if resting {
		return Status{}
	}
	ctx, cancel := context.WithTimeout(ctx, intakeLimit)
	defer cancel()
	st := Compute(ctx, u, by)
	k.mu.Lock()
	defer k.mu.Unlock()
	if ctx.Err() == nil {
		delete(k.slow, by.Rule())
		return st
	}
	k.slow[by.Rule()] = time.Now().Add(slowRest)
	return Status{}
}

func (s *kindSink) change(key types.NamespacedName, rec Record, gone bool) {
	k := s.kind
	k.mu.Lock()
	if k.active != s.source {
		k.mu.Unlock()
		return
	}
	k.blind = false
	old, had := k.records[key]
	if gone {
		delete(k.records, key)
	} else {
		k.records[key] = rec
	}
	k.advance(rec.Version)
	k.mu.Unlock()
	switch {
	case !gone:
		s.tell(key, old, had, rec)
	case had:
		s.tellGone(key, old)
	}
}

// tell reports a new record, to the previous owner too when the labels moved.
func (s *kindSink) tell(key types.NamespacedName, old Record, had bool, rec Record) {
	id := object.ObjMetadata{Namespace: key.Namespace, Name: key.Name, GroupKind: s.kind.target.Kind}
	ev := Event{Owner: rec.Owner, ID: id, Record: rec}
	s.kind.hub.cfg.Notify(ev)
	if had && old.Owner != rec.Owner {
		ev.Owner = old.Owner
		s.kind.hub.cfg.Notify(ev)
	}
}

func (s *kindSink) tellGone(key types.NamespacedName, old Record) {
	s.kind.hub.cfg.Notify(Event{
		Owner:  old.Owner,
		ID:     object.ObjMetadata{Namespace: key.Namespace, Name: key.Name, GroupKind: s.kind.target.Kind},
		Record: old, Gone: true,
	})
}

// replace makes a list the truth, and the source it came from the active one.
func (s *kindSink) replace(list []*residue, version string) {
	fresh := make(map[types.NamespacedName]Record, len(list))
	for _, d := range list {
		fresh[d.key()] = d.rec
	}
	k := s.kind
	k.mu.Lock()
	if k.active != nil && k.active != s.source {
		if k.active.full {
			s.source.stop() // the one with full objects was faster
			k.mu.Unlock()
			return
		}
		k.active.stop() // superseded by the one with full objects
	}
	k.active, k.blind = s.source, false
	old := k.records
	k.records = fresh
	k.advance(version)
	k.settle()
	if s.source.full && !k.isDeep {
		k.isDeep = true
		close(k.deep)
	}
	k.mu.Unlock()

	for key, rec := range fresh {
		prev, had := old[key]
		s.tell(key, prev, had, rec)
	}
	for key, rec := range old {
		if _, ok := fresh[key]; !ok {
			s.tellGone(key, rec)
		}
	}
}

func (s *kindSink) bookmark(version string) {
	s.kind.mu.Lock()
	defer s.kind.mu.Unlock()
	if s.kind.active == s.source {
		s.kind.advance(version)
	}
}

// fail notes that the source was refused. A kind that cannot be deepened keeps its metadata watch.
func (s *kindSink) fail(error) {
	k := s.kind
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.active == nil || k.active == s.source {
		k.blind = true
		k.settle()
	}
}
