// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package store

import "testing"

// What is written through has the lock: some network file systems let nothing else write. It lasts until the file and what keeps its lock are closed.
func TestTempFileIsLocked(t *testing.T) {
	s, _ := openAt(t, 0)
	temp, f, hold, err := s.tempFile("file")
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.root.Open(temp)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if lock(f) != lockHeld || lock(other) != lockTaken {
		t.Error("the lock is not that of the file that is written")
	}
	if _, err := f.WriteString("x"); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil || lock(other) != lockTaken {
		t.Errorf("the lock ends with the file: %v", err)
	}
	if err := hold.Close(); err != nil || lock(other) != lockHeld {
		t.Errorf("the lock does not end: %v", err)
	}
}
