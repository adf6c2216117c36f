// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/underway"
)

const (
	// maxDeaths is how often the process may end during a build of the same inputs before they are not built any more. Once may be chance, as other
	// builds were under way; from then on the build is the only one of its kind.
	maxDeaths = 3
	// quarantine is after what time they are built again.
	quarantine = 24 * time.Hour
	// suspectRetry is when a suspect is tried again while another one is built.
	suspectRetry = 2 * time.Second
)

// errQuarantined is a build that is not tried any more.
var errQuarantined = fmt.Errorf("the controller has ended %d times while it built this revision, most likely for want of memory; "+
	"it is built again when the source or the spec changes, or after a day", maxDeaths)

// errSuspects says that another suspect is being built.
var errSuspects = errors.New("the controller has ended while it built this revision; it is built again after others of which the same is true")

// Marks tell what was being built. Nothing recovers from a build that takes all memory: a process that starts finds the mark of it, and does not end
// for the same reason for ever. See docs/design/0014.
type Marks struct {
	notes       *underway.Notes[mark]
	clock       func() time.Time
	interrupted int // builds that were under way when the last process ended

	mu       sync.Mutex
	suspects map[types.UID]mark
	building map[types.UID][]*underWay // the first one is marked; also what nobody waits for any more
	busy     bool                      // a suspect is being built
}

// underWay is a build that is not over.
type underWay struct {
	mark    mark
	suspect bool
}

// mark is what is noted of a build.
type mark struct {
	// Inputs is the hash of everything that the build depends on.
	Inputs string `json:"inputs"`
	// Building is set during the build. Without it the mark is what a later process keeps in mind of it.
	Building bool `json:"building"`
	// Deaths counts how often the process has ended during the build.
	Deaths int `json:"deaths"`
	// Since is when it was begun for the first time.
	Since time.Time `json:"since"`
}

// OpenMarks reads the marks that an earlier process has left in a folder, which need not exist.
func OpenMarks(dir string, clock func() time.Time) (*Marks, error) {
	notes, err := underway.Open[mark](dir)
	if err != nil {
		return nil, fmt.Errorf("marks of builds: %w", err)
	}
	m := &Marks{notes: notes, clock: clock, suspects: make(map[types.UID]mark), building: make(map[types.UID][]*underWay)}
	for uid, left := range notes.Left() {
		if clock().Sub(left.Since) > quarantine { // it may be long gone, or is the mark of nothing
			_ = notes.Remove(uid) // at worst the next process finds it again
			continue
		}
		if left.Building {
			left.Building = false
			left.Deaths++
			m.interrupted++
		}
		m.suspects[uid] = left
		_ = notes.Put(uid, left) // a disk that takes no mark is no reason not to start
	}
	return m, nil
}

// Interrupted returns how many builds were under way when the last process ended.
func (m *Marks) Interrupted() int { return m.interrupted }

// enter marks a build until leave is called, which is when nothing works on it any more, not when nobody waits for it. It refuses a build that has
// ended the process too often, and one that did while another such is under way.
func (m *Marks) enter(uid types.UID, inputs string) (leave func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, suspect := m.suspects[uid]
	if suspect && (found.Inputs != inputs || m.clock().Sub(found.Since) > quarantine) {
		delete(m.suspects, uid)
		suspect = false
	}
	switch {
	case suspect && found.Deaths >= maxDeaths:
		return nil, errQuarantined
	case suspect && m.busy:
		return nil, errSuspects
	case suspect:
		m.busy = true
	default:
		found = mark{Inputs: inputs, Since: m.clock()}
	}
	found.Building = true
	b := &underWay{mark: found, suspect: suspect}
	m.building[uid] = append(m.building[uid], b)
	if len(m.building[uid]) == 1 {
		_ = m.notes.Put(uid, found) // a disk that takes no mark is no reason not to build
	}
	return func() { m.leave(uid, b) }, nil
}

func (m *Marks) leave(uid types.UID, b *underWay) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.suspect {
		m.busy = false
	}
	first := m.building[uid][0]
	rest := slices.DeleteFunc(m.building[uid], func(other *underWay) bool { return other == b })
	m.building[uid] = rest
	switch {
	case len(rest) == 0:
		_ = m.notes.Remove(uid) // at worst the next process builds it alone
		delete(m.building, uid)
		delete(m.suspects, uid)
	case rest[0] != first:
		_ = m.notes.Put(uid, rest[0].mark)
	}
}

// Close takes back the marks of builds that did not end in time: a process that ends in order ends because of none of them.
func (m *Marks) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	for uid := range m.building {
		if before, suspect := m.suspects[uid]; suspect {
			err = errors.Join(err, m.notes.Put(uid, before))
			continue
		}
		err = errors.Join(err, m.notes.Remove(uid))
	}
	return errors.Join(err, m.notes.Close())
}
