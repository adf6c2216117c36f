// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"sync"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/cli-utils/pkg/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

type spotKey struct {
	user types.NamespacedName
	id   object.ObjMetadata
}

// spot follows the health of one object that need not carry our labels.
type spot struct {
	hub *Hub
	key spotKey
	by  Evaluator
	src *source

	mu    sync.Mutex
	known bool
	state Status
}

// Spot makes the hub follow the health of a single object for user. by is nil for the built-in rules; asking again with other
// rules starts over.
func (h *Hub) Spot(user types.NamespacedName, t Target, id object.ObjMetadata, by Evaluator) {
	key := spotKey{user, id}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.spots[key]; s != nil {
		if ruleOf(s.by) == ruleOf(by) && s.src.target.Resource == t.Resource {
			return
		}
		s.src.stop()
	}
	s := &spot{hub: h, key: key, by: by, src: newSource(h, t, true)}
	s.src.namespace, s.src.name, s.src.sink = id.Namespace, id.Name, s
	h.spots[key] = s
	h.launch(s.src)
}

// KeepSpots ends the single-object watches of user that are not in ids.
func (h *Hub) KeepSpots(user types.NamespacedName, ids map[object.ObjMetadata]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, s := range h.spots {
		if key.user == user && !ids[key.id] {
			s.src.stop()
			delete(h.spots, key)
		}
	}
}

// SpotStatus returns the health of an object followed by Spot; false while it is not known.
func (h *Hub) SpotStatus(user types.NamespacedName, id object.ObjMetadata) (Status, bool) {
	h.mu.Lock()
	s := h.spots[spotKey{user, id}]
	h.mu.Unlock()
	if s == nil {
		return Status{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.known
}

func ruleOf(by Evaluator) string {
	if by == nil {
		return ""
	}
	return by.Rule()
}

func (s *spot) set(state Status) {
	s.mu.Lock()
	changed := !s.known || s.state != state
	s.known, s.state = true, state
	s.mu.Unlock()
	if changed {
		s.hub.cfg.Notify(Event{Owner: s.key.user, ID: s.key.id, Spot: true})
	}
}

func (s *spot) reduce(ctx context.Context, obj metav1.Object) Record {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return Record{Status: Status{State: status.UnknownStatus, Rule: ruleOf(s.by)}}
	}
	return Record{Status: Compute(ctx, u, s.by)}
}

func (s *spot) change(_ types.NamespacedName, rec Record, gone bool) {
	if gone {
		rec.Status = Status{State: status.NotFoundStatus, Rule: ruleOf(s.by)}
	}
	s.set(rec.Status)
}

func (s *spot) replace(list []*residue, _ string) {
	if len(list) == 0 {
		s.change(s.key.user, Record{}, true)
		return
	}
	s.change(list[0].key(), list[0].rec, false)
}

func (s *spot) bookmark(string) {}

func (s *spot) fail(error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = false
}
