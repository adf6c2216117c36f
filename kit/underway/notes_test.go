// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package underway_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/underway"
)

type note struct {
	Name  string `json:"name"`
	Times int    `json:"times"`
}

func open(t *testing.T, dir string) *underway.Notes[note] {
	t.Helper()
	n, err := underway.Open[note](dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// TestNotes reads with each process what the one before has left.
func TestNotes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "building")
	cases := []struct {
		reason string
		work   func(*underway.Notes[note]) error
		left   map[types.UID]note
	}{
		{"A folder that is new has no notes.", func(n *underway.Notes[note]) error { return n.Put("a", note{Name: "app"}) }, map[types.UID]note{}},
		{
			"What is not taken away stays, and is replaced.",
			func(n *underway.Notes[note]) error { return n.Put("a", note{Name: "app", Times: 1}) },
			map[types.UID]note{"a": {Name: "app"}},
		},
		{
			"What is taken away is gone, however often.",
			func(n *underway.Notes[note]) error {
				if err := n.Remove("a"); err != nil {
					return err
				}
				return n.Remove("a")
			},
			map[types.UID]note{"a": {Name: "app", Times: 1}},
		},
		{
			"A process may end in the middle of a note, and others may leave files.",
			func(*underway.Notes[note]) error {
				return os.WriteFile(filepath.Join(dir, "other"), nil, 0o600)
			},
			map[types.UID]note{},
		},
	}
	for _, tc := range cases {
		n := open(t, dir)
		if diff := cmp.Diff(tc.left, n.Left()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
		}
		if err := tc.work(n); err != nil {
			t.Fatalf("%s\n%v", tc.reason, err)
		}
	}
	for name, content := range map[string]string{"half.json": `{"name":"ap`, "empty.json": "", "other.json": `{"name":"app","times":"x"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[types.UID]note{"half": {}, "empty": {}, "other": {}}, open(t, dir).Left()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestConfined keeps notes in their folder, whatever a UID looks like.
func TestConfined(t *testing.T) {
	dir := t.TempDir()
	n := open(t, filepath.Join(dir, "notes"))
	if err := n.Put("../outside", note{}); err == nil {
		t.Error("a note was put elsewhere")
	}
	if err := n.Remove("../outside"); err == nil {
		t.Error("a file elsewhere would have been removed")
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := underway.Open[note](file); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func BenchmarkNote(b *testing.B) {
	n, err := underway.Open[note](b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := n.Put("11111111-2222-3333-4444-555555555555", note{Name: "app"}); err != nil {
			b.Fatal(err)
		}
		if err := n.Remove("11111111-2222-3333-4444-555555555555"); err != nil {
			b.Fatal(err)
		}
	}
}
