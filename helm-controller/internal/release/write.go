// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"slices"
	"sync"
)

// Op is a kind of write to storage.
type Op int

// The kinds of writes.
const (
	Created Op = iota
	Updated
	Deleted
)

// Write is one successful write to storage.
type Write struct {
	Op Op
	// Revision as stored; of a deleted one, as last stored.
	Revision *Revision
	// Partial says that the deleted revision was never read: only name, version and status are known.
	Partial bool
}

// Recorder collects the writes of an action. What Helm returns is no substitute: it may never have been stored. Safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	writes []Write
}

// Observe adds a write.
func (r *Recorder) Observe(w Write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, w)
}

// Writes returns what was written, in order.
func (r *Recorder) Writes() []Write {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.writes)
}

// Stored tells whether a revision was created or updated.
func (r *Recorder) Stored() bool { return r.Newest() != nil }

// Newest returns the highest revision that was created or updated, in its last state; nil if there is none.
func (r *Recorder) Newest() *Revision { return newestWritten(r.Writes()) }

func newestWritten(writes []Write) *Revision {
	var newest *Revision
	for _, w := range writes {
		if w.Op != Deleted && (newest == nil || w.Revision.Version >= newest.Version) {
			newest = w.Revision
		}
	}
	return newest
}

// lastStates returns the last full state of each revision that counts, oldest revision first.
func lastStates(writes []Write, counts func(Write) bool) []*Revision {
	last := map[int]*Revision{}
	for _, w := range writes {
		if !w.Partial && counts(w) {
			last[w.Revision.Version] = w.Revision
		}
	}
	states := make([]*Revision, 0, len(last))
	for _, r := range last {
		states = append(states, r)
	}
	slices.SortFunc(states, func(a, b *Revision) int { return cmp.Compare(a.Version, b.Version) })
	return states
}
