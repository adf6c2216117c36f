// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package underway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// suffix ends the name of the file of a note, which begins with the UID.
	suffix = ".json"
	// unfinished is what is added while it is written.
	unfinished = ".new"
	// maxBytes bounds what is read of a note. It has room for a few names of Kubernetes, which have 253 bytes at most, and a digest.
	maxBytes = 4096
)

// Notes are files in a folder that has to outlive the process, one for each object that is being worked on. They are not synced, as what the kernel
// has outlives the process. The folder belongs to one process at a time; the notes may be used by many goroutines.
type Notes[T any] struct {
	root *os.Root
	left map[types.UID]T
}

// Open takes the folder, which need not exist, and reads what an earlier process has left. A note that it ended in the middle of is a zero T: the
// name of the file says whom it was about.
func Open[T any](dir string) (*Notes[T], error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of notes: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of notes: %w", err)
	}
	n := &Notes[T]{root: root, left: make(map[types.UID]T)}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("folder of notes: %w", err), root.Close())
	}
	for _, entry := range entries {
		if uid, ok := strings.CutSuffix(entry.Name(), suffix); ok && entry.Type().IsRegular() {
			n.left[types.UID(uid)] = n.read(entry.Name())
		}
	}
	return n, nil
}

// read returns what a note says, which is nothing if it is not whole.
func (n *Notes[T]) read(name string) (note T) {
	file, err := n.root.Open(name)
	if err != nil {
		return note
	}
	defer file.Close() // read only
	content, err := io.ReadAll(io.LimitReader(file, maxBytes))
	if err != nil {
		return note
	}
	var whole T
	if json.Unmarshal(content, &whole) != nil {
		return note
	}
	return whole
}

// Left returns the notes that were there when the folder was opened.
func (n *Notes[T]) Left() map[types.UID]T { return n.left }

// Put notes that an object is being worked on, in place of an earlier note of it, which stays if that fails.
func (n *Notes[T]) Put(uid types.UID, note T) error {
	content, err := json.Marshal(note)
	name := string(uid) + suffix
	if err == nil {
		err = n.root.WriteFile(name+unfinished, content, 0o600)
	}
	if err == nil {
		err = n.root.Rename(name+unfinished, name)
	}
	if err != nil {
		return fmt.Errorf("note what is under way: %w", err)
	}
	return nil
}

// Remove takes the note of an object away, if there is one.
func (n *Notes[T]) Remove(uid types.UID) error {
	if err := n.root.Remove(string(uid) + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take away the note of what was under way: %w", err)
	}
	return nil
}

// Close lets go of the folder, and leaves the notes.
func (n *Notes[T]) Close() error { return n.root.Close() }
