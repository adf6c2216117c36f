// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
)

// Config is what a Hub needs. All fields but Evaluator are required.
type Config struct {
	Reader   Reader
	Metadata metadata.Interface
	Dynamic  dynamic.Interface
	// Notify is told of every change, after the hub knows it. It must not block and may call the hub.
	Notify func(Event)
	// Evaluator finds the health rules of an owner for a kind; nil means the built-in ones.
	Evaluator func(owner types.NamespacedName, gk schema.GroupKind) Evaluator
	Logger    logr.Logger
}

// Event tells of one change to one object.
type Event struct {
	// Owner is the owner named by the labels, or the one that asked for a Spot.
	Owner types.NamespacedName
	ID    object.ObjMetadata
	// Record is the new state; of a gone object the last one known.
	Record Record
	Gone   bool
	// Spot tells that the event stems from a watch on this single object; it carries no record.
	Spot bool
}

// Presence is what the hub knows of an object.
type Presence int

// The answers of Lookup.
const (
	Unknown Presence = iota // not watched, or not in step with the API server
	Behind                  // not seen, but the watch has not come as far as the caller
	Absent                  // no such object carries our labels
	Present
)

// Target is a kind as it is addressed over the API.
type Target struct {
	Kind       schema.GroupKind
	Resource   schema.GroupVersionResource
	Namespaced bool
}

// Hub owns the watches.
type Hub struct {
	cfg Config

	mu    sync.Mutex
	kinds map[schema.GroupKind]*kind
	spots map[spotKey]*spot
	queue []*source
	ready chan struct{} // capacity 1: queue is not empty
}

// NewHub returns a hub that watches nothing yet.
func NewHub(cfg Config) (*Hub, error) {
	if cfg.Metadata == nil || cfg.Dynamic == nil || cfg.Notify == nil {
		return nil, errors.New("hub needs clients and a receiver of events")
	}
	return &Hub{
		cfg:   cfg,
		kinds: map[schema.GroupKind]*kind{},
		spots: map[spotKey]*spot{},
		ready: make(chan struct{}, 1),
	}, nil
}

// Run runs the watches until ctx ends and returns when all have stopped.
func (h *Hub) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		for _, s := range h.takeQueue() {
			wg.Go(func() { s.run(ctx) })
		}
		select {
		case <-ctx.Done():
			return
		case <-h.ready:
		}
	}
}

func (h *Hub) takeQueue() []*source {
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.queue
	h.queue = nil
	return q
}

// launch hands a source to Run. The caller holds h.mu.
func (h *Hub) launch(s *source) {
	h.queue = append(h.queue, s)
	select {
	case h.ready <- struct{}{}:
	default:
	}
}

// Use makes the hub watch exactly these kinds for user (full: with status), and no longer those only user needed before.
func (h *Hub) Use(user types.NamespacedName, targets map[schema.GroupKind]Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for gk, k := range h.kinds {
		if _, ok := targets[gk]; !ok {
			h.releaseKind(k, user)
		}
	}
	for _, t := range targets {
		h.useKind(user, t)
	}
}

func (h *Hub) useKind(user types.NamespacedName, t Target) *kind {
	k := h.kinds[t.Kind]
	if k != nil && k.target.Resource != t.Resource && k.isBlind() {
		// The version we watched is gone; the caller knows one that is served.
		k.stop()
		k = nil
	}
	if k == nil {
		k = newKind(h, t)
		h.kinds[t.Kind] = k
		h.launch(k.open(false))
	}
	k.users[user] = struct{}{}
	return k
}

func (h *Hub) releaseKind(k *kind, user types.NamespacedName) {
	delete(k.users, user)
	if len(k.users) == 0 {
		k.stop()
		delete(h.kinds, k.target.Kind)
	}
}

// Deepen makes the hub watch the status of kinds as well, and waits at most limit until it does.
func (h *Hub) Deepen(ctx context.Context, user types.NamespacedName, targets map[schema.GroupKind]Target, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, deep := range h.deepen(user, targets) {
		select {
		case <-ctx.Done():
			return
		case <-deep:
		}
	}
}

func (h *Hub) deepen(user types.NamespacedName, targets map[schema.GroupKind]Target) []<-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	var waits []<-chan struct{}
	for _, t := range targets {
		k := h.useKind(user, t)
		if s := k.deepen(); s != nil {
			h.launch(s)
		}
		if !k.isBlind() {
			waits = append(waits, k.deep)
		}
	}
	return waits
}

// Release forgets user.
func (h *Hub) Release(user types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.kinds {
		h.releaseKind(k, user)
	}
	for key, s := range h.spots {
		if key.user == user {
			s.src.stop()
			delete(h.spots, key)
		}
	}
}

// Sync waits until every given kind is in step or known not to be watchable, at most limit.
func (h *Hub) Sync(ctx context.Context, kinds map[schema.GroupKind]Target, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for gk := range kinds {
		h.mu.Lock()
		k := h.kinds[gk]
		h.mu.Unlock()
		if k == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-k.settled():
		}
	}
}

// Lookup returns what is known of an object of a watched kind to a caller who last saw it at the resourceVersion since, or not at
// all. An object whose event is still on its way is Behind, not Absent.
func (h *Hub) Lookup(id object.ObjMetadata, since string) (Record, Presence) {
	h.mu.Lock()
	k := h.kinds[id.GroupKind]
	h.mu.Unlock()
	if k == nil {
		return Record{}, Unknown
	}
	return k.lookup(id, since)
}
