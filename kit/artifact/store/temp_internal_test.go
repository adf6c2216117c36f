// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// openAt opens a store whose clock is that much ahead.
func openAt(t *testing.T, ahead time.Duration) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(Options{Path: dir, Now: func() time.Time { return time.Now().Add(ahead) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir
}

// What cannot be opened, whatever the reason, is told by its age, and keeps no process from starting.
func TestSweepNotOpened(t *testing.T) {
	for ahead, gone := range map[time.Duration]bool{0: false, time.Hour: true} {
		s, dir := openAt(t, ahead)
		p := filepath.Join(dir, ".x.tmp-1")
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := fs.ReadDir(s.root.FS(), ".")
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		// A link that leads out cannot be opened by root either.
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/", p); err != nil {
			t.Fatal(err)
		}
		if err := s.sweepTemp(".x.tmp-1", entries[0]); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(p); (err != nil) != gone {
			t.Errorf("%s ahead: %v, want it gone: %t", ahead, err, gone)
		}
	}
}
