// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// folder is the name of the folder of marks.
	folder = "rendering"
	// maxDeaths is how often the process may end during work on the same inputs before that is not tried any more. Once may be chance, as others were
	// worked on, too; from then on the release is the only one of its kind, and its templates run apart.
	maxDeaths = 3
	// quarantine is after what time it is tried again.
	quarantine = 24 * time.Hour
)

// errRefused is work that is not tried any more.
var errRefused = fmt.Errorf("the controller has ended %d times while it prepared this release, most likely for want of memory; "+
	"it is tried again when the chart, the values or the spec change, or after %s", maxDeaths, quarantine)

// mark is what is noted of a release. That there is a note makes a suspect.
type mark struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Chart     string `json:"chart"`
	// Inputs is the hash of everything that the work depends on.
	Inputs string `json:"inputs"`
	// Working is set during the work. Without it the mark is what a later process keeps in mind of it.
	Working bool `json:"working"`
	// Deaths counts how often the process has ended during work on these inputs.
	Deaths int `json:"deaths"`
	// Since is when that was begun for the first time.
	Since time.Time `json:"since"`
}

// load makes suspects of those whose marks an earlier process has left.
func (k *Keeper) load() {
	for uid, m := range k.notes.Left() {
		if m.Working {
			m.Working = false
			m.Deaths++
			k.put(uid, m)
		}
		k.suspects[uid] = m
		k.log.Info("an earlier process ended while it prepared this release, whose templates run in a process of their own from now on",
			"namespace", m.Namespace, "name", m.Name, "uid", uid, "chart", m.Chart, "since", m.Since, "times", m.Deaths)
	}
}

// enter marks a release until leave is called. It refuses one that has ended the process too often.
func (k *Keeper) enter(s Subject) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, suspect := k.suspects[s.UID]
	if now := k.clock(); !suspect || m.Inputs != s.Inputs || now.Sub(m.Since) > quarantine {
		m = mark{Namespace: s.Owner.Namespace, Name: s.Owner.Name, Chart: s.Chart, Inputs: s.Inputs, Since: now}
	}
	if m.Deaths >= maxDeaths {
		return errRefused
	}
	if suspect {
		k.suspects[s.UID] = m
	}
	m.Working = true
	k.working[s.UID] = m
	k.put(s.UID, m)
	return nil
}

// leave takes the mark away, or leaves what is kept in mind of a suspect.
func (k *Keeper) leave(uid types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.working, uid)
	if m, suspect := k.suspects[uid]; suspect {
		k.put(uid, m)
		return
	}
	k.remove(uid)
}

// put notes something of a release. It is worked on without the note, too: a full disk is no reason to release nothing.
func (k *Keeper) put(uid types.UID, m mark) {
	if err := k.notes.Put(uid, m); err != nil {
		k.log.Error(err, "cannot note who is being worked on", "namespace", m.Namespace, "name", m.Name)
	}
}

// remove takes the note away.
func (k *Keeper) remove(uid types.UID) {
	if err := k.notes.Remove(uid); err != nil {
		k.log.Error(err, "cannot take away the note of who was being worked on", "uid", uid)
	}
}
