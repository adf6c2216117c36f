// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/git"
)

// maxPlain bounds the files that are remembered to have no markers: 20 bytes each, and about as much again for the table.
const maxPlain = 200_000

// record is what the runs of one object leave behind for the next. It is a cache: a process that starts without it looks at every file once.
// Only the run of its object touches it, and there is never more than one.
type record struct {
	// settled describes what the last complete run saw; empty when the last one did not complete.
	settled string
	// requested says that a run was asked for that has not completed yet.
	requested bool
	// plain are files, by content, that have no markers.
	plain map[git.Hash]struct{}
	// owed is the commit whose push to a refspec has failed; zero when none has.
	owed git.Hash
}

// notePlain remembers that a file has no markers.
func (r *record) notePlain(h git.Hash) {
	if r.plain == nil || len(r.plain) >= maxPlain {
		r.plain = make(map[git.Hash]struct{})
	}
	r.plain[h] = struct{}{}
}

// records holds a record for each object.
type records struct {
	mu sync.Mutex
	of map[types.NamespacedName]*record
}

func (m *records) get(name types.NamespacedName) *record {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = make(map[types.NamespacedName]*record)
	}
	if m.of[name] == nil {
		m.of[name] = &record{}
	}
	return m.of[name]
}

func (m *records) drop(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, name)
}
