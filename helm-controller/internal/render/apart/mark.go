// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// folder is the name of the folder of marks.
const folder = "rendering"

// mark is what is noted of a release. It is for people; that there is a note makes a suspect.
type mark struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Chart     string    `json:"chart"`
	Since     time.Time `json:"since"`
}

// load makes suspects of those whose marks an earlier process has left.
func (k *Keeper) load() {
	for uid, m := range k.notes.Left() {
		k.suspects[uid] = m
		k.log.Info("an earlier process ended while it rendered this release, which is rendered in a process of its own from now on",
			"namespace", m.Namespace, "name", m.Name, "uid", uid, "chart", m.Chart, "since", m.Since)
	}
}

// mark notes that the templates of a release run. They run without the note, too: a full disk is no reason to release nothing.
func (k *Keeper) mark(uid types.UID, m mark) {
	if err := k.notes.Put(uid, m); err != nil {
		k.log.Error(err, "cannot note who is being rendered", "namespace", m.Namespace, "name", m.Name)
	}
}

// unmark takes the note away.
func (k *Keeper) unmark(uid types.UID) {
	if err := k.notes.Remove(uid); err != nil {
		k.log.Error(err, "cannot take away the note of who was being rendered", "uid", uid)
	}
}
