// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
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
	"it is built again when the source or the spec changes, or after %s", maxDeaths, quarantine)

// errSuspects says that another suspect is being built.
var errSuspects = errors.New("the controller has ended while it built this revision; it is built again after others of which the same is true")

// Marks are files that tell what was being built. Nothing recovers from a build that takes all memory: a process that starts finds the mark of it, and
// does not end for the same reason for ever. The marks are not synced, as what the kernel has outlives the process. Design note: 0005.
type Marks struct {
	dir   string
	clock func() time.Time

	mu       sync.Mutex
	suspects map[types.UID]mark
	busy     bool // a suspect is being built
}

// mark is the content of a file, whose name is the UID of the object.
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
	m := &Marks{dir: dir, clock: clock, suspects: make(map[types.UID]mark)}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read marks of builds: %w", err)
	}
	for _, entry := range entries {
		var left mark
		uid := types.UID(entry.Name())
		content, err := os.ReadFile(m.path(uid))
		if err == nil {
			err = json.Unmarshal(content, &left)
		}
		if err != nil || m.clock().Sub(left.Since) > quarantine {
			_ = os.Remove(m.path(uid)) // it is the mark of nothing, or of something that may be long gone
			continue
		}
		if left.Building {
			left.Building = false
			left.Deaths++
		}
		m.suspects[uid] = left
		if err := m.write(uid, left); err != nil {
			return nil, fmt.Errorf("keep mark of a build: %w", err)
		}
	}
	return m, nil
}

// Suspects returns how many builds an earlier process has not ended.
func (m *Marks) Suspects() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.suspects)
}

// enter marks a build until leave is called, and beyond that if the build is not over: what did not end in time goes on without anybody waiting for
// it. It refuses a build that has ended the process too often, and one that did while another such is under way.
func (m *Marks) enter(uid types.UID, inputs string) (leave func(over bool), err error) {
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
	// A disk that takes no mark is no reason not to build.
	_ = m.write(uid, found)
	return func(over bool) { m.leave(uid, suspect, over) }, nil
}

func (m *Marks) leave(uid types.UID, suspect, over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = m.busy && !suspect
	if !over {
		return
	}
	_ = os.Remove(m.path(uid))
	delete(m.suspects, uid)
}

// Close removes the marks of builds that did not end in time: a process that ends in order ends because of none of them.
func (m *Marks) Close() error {
	entries, err := os.ReadDir(m.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if uid := types.UID(entry.Name()); !m.suspected(uid) {
			err = errors.Join(err, os.Remove(m.path(uid)))
		}
	}
	return err
}

func (m *Marks) suspected(uid types.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, suspect := m.suspects[uid]
	return suspect
}

func (m *Marks) path(uid types.UID) string { return filepath.Join(m.dir, filepath.Base(string(uid))) }

func (m *Marks) write(uid types.UID, content mark) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	err = os.WriteFile(m.path(uid), text, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(m.dir, 0o700); err != nil {
			return err
		}
		err = os.WriteFile(m.path(uid), text, 0o600)
	}
	return err
}
