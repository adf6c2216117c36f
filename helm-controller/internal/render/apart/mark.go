// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// folder is the name of the folder of marks.
	folder = "rendering"
	// markSuffix ends the name of a mark, which begins with the UID.
	markSuffix = ".json"
	// maxMarkBytes bounds what is read of a mark. Names of Kubernetes have 253 bytes at most.
	maxMarkBytes = 4096
)

// mark is what a file says of the release that it was written for. It is for people; the name of the file alone makes a suspect.
type mark struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Chart     string    `json:"chart"`
	Since     time.Time `json:"since"`
}

// load makes suspects of those whose marks an earlier process has left.
func (k *Keeper) load() error {
	entries, err := fs.ReadDir(k.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		uid, ok := strings.CutSuffix(entry.Name(), markSuffix)
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		m := k.read(entry.Name())
		k.suspects[types.UID(uid)] = m
		k.log.Info("an earlier process ended while it rendered this release, which is rendered in a process of its own from now on",
			"namespace", m.Namespace, "name", m.Name, "uid", uid, "chart", m.Chart, "since", m.Since)
	}
	return nil
}

// read returns what a mark says, which is nothing if the process ended while it was written.
func (k *Keeper) read(name string) (m mark) {
	file, err := k.root.Open(name)
	if err != nil {
		return mark{}
	}
	defer file.Close() // read only
	content, err := io.ReadAll(io.LimitReader(file, maxMarkBytes))
	if err != nil || json.Unmarshal(content, &m) != nil {
		return mark{}
	}
	return m
}

// mark notes that the templates of a release run. They run without the note, too: a full disk is no reason to release nothing.
func (k *Keeper) mark(uid types.UID, m mark) {
	content, err := json.Marshal(m)
	if err == nil {
		err = k.root.WriteFile(string(uid)+markSuffix, content, 0o600)
	}
	if err != nil {
		k.log.Error(err, "cannot note who is being rendered", "namespace", m.Namespace, "name", m.Name)
	}
}

// unmark takes the note away.
func (k *Keeper) unmark(uid types.UID) {
	if err := k.root.Remove(string(uid) + markSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.log.Error(err, "cannot take away the note of who was being rendered", "uid", uid)
	}
}
