// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestCloneAndPush(t *testing.T) {
	pushes := 0
	server, err := Start(t.Context(), t.TempDir(), func() { pushes++ })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })

	work := filepath.Join(t.TempDir(), "work")
	files := fstest.MapFS{"apps/a.yaml": {Data: []byte("a: 1\n")}}
	if err := server.Create(t.Context(), "fleet", files, work); err != nil {
		t.Fatal(err)
	}
	if pushes != 1 {
		t.Errorf("pushes = %d, want 1 for the first commit", pushes)
	}

	// Random bytes do not compress: the pack is over the 1 MB from which git sends chunks.
	big := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(big)
	if err := os.WriteFile(filepath.Join(work, "big"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "."}, {"commit", "-q", "-m", "Add something big"}, {"push", "-q"}} {
		if _, err := run(t.Context(), work, args...); err != nil {
			t.Fatal(err)
		}
	}
	if pushes != 2 {
		t.Errorf("pushes = %d, want 2", pushes)
	}

	clone := filepath.Join(t.TempDir(), "clone")
	if _, err := run(t.Context(), ".", "clone", "-q", server.URL("fleet"), clone); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(clone, "big"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, big) {
		t.Error("the clone has other bytes than what was pushed")
	}
	if branch, err := DefaultBranch(t.Context(), server.URL("fleet")); err != nil || branch != Branch {
		t.Errorf("DefaultBranch() = %q, %v", branch, err)
	}
}

func TestMirror(t *testing.T) {
	from := t.TempDir()
	for _, args := range [][]string{
		{"init", "-q", "-b", "trunk"},
		{"-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-q", "--allow-empty", "-m", "Start"},
	} {
		if _, err := run(t.Context(), from, args...); err != nil {
			t.Fatal(err)
		}
	}
	server, err := Start(t.Context(), t.TempDir(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	branch, err := server.Mirror(t.Context(), "mine", from)
	if err != nil || branch != "trunk" {
		t.Fatalf("Mirror() = %q, %v", branch, err)
	}
	if branch, err := DefaultBranch(t.Context(), server.URL("mine")); err != nil || branch != "trunk" {
		t.Errorf("DefaultBranch() = %q, %v", branch, err)
	}
	if _, err := DefaultBranch(t.Context(), server.URL("none")); err == nil {
		t.Error("a repository that does not exist has no branch")
	}
}
