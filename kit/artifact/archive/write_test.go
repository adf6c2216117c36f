// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-gitops/weir/kit/artifact/archive"
)

func TestWriteHeaders(t *testing.T) {
	b, _, stats := pack(t, newTree(map[string]string{
		"a/b.yaml": "b", "a.txt": "a", "!run.sh": "#!/bin/sh\n", "empty/": "",
		"long/" + strings.Repeat("x", 300): "long",
	}), nil)
	headers, contents := unpack(t, b)

	want := []*tar.Header{
		{Typeflag: tar.TypeDir, Name: ".", Mode: 0o750},
		{Typeflag: tar.TypeDir, Name: "a", Mode: 0o750},
		{Typeflag: tar.TypeReg, Name: "a/b.yaml", Mode: 0o600, Size: 1},
		{Typeflag: tar.TypeReg, Name: "a.txt", Mode: 0o600, Size: 1},
		{Typeflag: tar.TypeDir, Name: "empty", Mode: 0o750},
		{Typeflag: tar.TypeDir, Name: "long", Mode: 0o750},
		{Typeflag: tar.TypeReg, Name: "long/" + strings.Repeat("x", 300), Mode: 0o600, Size: 4},
		{Typeflag: tar.TypeReg, Name: "run.sh", Mode: 0o700, Size: 10},
	}
	for _, h := range want {
		h.ModTime = time.Unix(0, 0)
	}
	if diff := cmp.Diff(want, headers, cmpopts.IgnoreFields(tar.Header{}, "Format", "PAXRecords")); diff != "" {
		t.Errorf("entries in lexical walk order, normalised (-want +got):\n%s", diff)
	}
	if contents["run.sh"] != "#!/bin/sh\n" {
		t.Errorf("content of run.sh: %q", contents["run.sh"])
	}
	if stats.Entries != len(want) {
		t.Errorf("stats count %d entries, want %d", stats.Entries, len(want))
	}
}

// many returns a tree of n small files in 40 directories.
func many(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("dir-%02d/file-%04d.yaml", i%40, i)] = strings.Repeat(fmt.Sprintf("line %d\n", i), 50)
	}
	return files
}

func TestWriteReuse(t *testing.T) {
	base := many(2000)
	old, index, _ := pack(t, newTree(base), nil)

	cases := map[string]struct {
		reason    string
		edit      func(map[string]string)
		maxOpened int
	}{
		"Unchanged": {
			reason: "Nothing changed, so nothing is read or compressed.",
			edit:   func(map[string]string) {},
		},
		"OneLine": {
			reason:    "A changed file costs its group, not the archive.",
			edit:      func(m map[string]string) { m["dir-07/file-0007.yaml"] += "more\n" },
			maxOpened: 120,
		},
		"Added": {
			reason:    "A new file moves no boundary but those around it.",
			edit:      func(m map[string]string) { m["dir-07/aaa.yaml"] = "new" },
			maxOpened: 120,
		},
		"Removed": {
			reason:    "A removed file merges two groups at most.",
			edit:      func(m map[string]string) { delete(m, "dir-39/file-1999.yaml") },
			maxOpened: 120,
		},
		"Mode": {
			reason: "The mode belongs to an entry although the content is the same.",
			edit: func(m map[string]string) {
				m["!dir-01/file-0001.yaml"] = m["dir-01/file-0001.yaml"]
				delete(m, "dir-01/file-0001.yaml")
			},
			maxOpened: 120,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(base)
			tc.edit(files)
			want, _, _ := pack(t, newTree(files), nil)
			src := newTree(files)
			got, next, stats := pack(t, src, &archive.Previous{Index: index, File: bytes.NewReader(old)})
			if !bytes.Equal(want, got) {
				t.Fatalf("%s\nreused and fresh archive differ", tc.reason)
			}
			if *src.opened > tc.maxOpened {
				t.Errorf("%s\nopened %d files, at most %d expected", tc.reason, *src.opened, tc.maxOpened)
			}
			if stats.Reused == 0 {
				t.Errorf("%s\nnothing reused: %+v", tc.reason, stats)
			}
			again, _, _ := pack(t, newTree(files), &archive.Previous{Index: next, File: bytes.NewReader(got)})
			if !bytes.Equal(want, again) {
				t.Errorf("%s\nthe index of a partly reused archive leads to other bytes", tc.reason)
			}
		})
	}
}

func TestWriteDamagedPrevious(t *testing.T) {
	files := many(500)
	want, index, _ := pack(t, newTree(files), nil)
	cases := map[string]struct {
		reason string
		damage func([]byte) []byte
	}{
		"Flipped":   {"A flipped bit is found by the checksum of its member.", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }},
		"Truncated": {"A shorter file lacks members.", func(b []byte) []byte { return b[:len(b)/3] }},
		"Empty":     {"A lost file lacks all of them.", func([]byte) []byte { return nil }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			prev := tc.damage(bytes.Clone(want))
			got, _, _ := pack(t, newTree(files), &archive.Previous{Index: index, File: bytes.NewReader(prev)})
			if !bytes.Equal(want, got) {
				t.Errorf("%s\nthe archive differs", tc.reason)
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	src := newTree(map[string]string{"a": "1"})
	src.failOn = "a"
	if _, _, err := archive.Write(t.Context(), &bytes.Buffer{}, src, nil); !errors.Is(err, errOpen) {
		t.Errorf("unreadable file: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := archive.Write(ctx, &bytes.Buffer{}, newTree(many(10)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestFromDir(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/b": 0o644, "c.sh": 0o755} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()

	got, _, _ := pack(t, archive.FromDir(root), nil)
	want, _, _ := pack(t, newTree(map[string]string{"a/b": "a/b", "!c.sh": "c.sh"}), nil)
	if !bytes.Equal(want, got) {
		headers, _ := unpack(t, got)
		t.Errorf("a directory and a tree with the same files must give the same bytes; got %v", names(headers))
	}
}

func TestIndexEncoding(t *testing.T) {
	files := many(300)
	old, index, _ := pack(t, newTree(files), nil)
	decoded, subject, err := archive.DecodeIndex(index.Encode("sha256:abc"))
	if err != nil || subject != "sha256:abc" {
		t.Fatalf("DecodeIndex: %q, %v", subject, err)
	}
	src := newTree(files)
	if _, _, stats := pack(t, src, &archive.Previous{Index: decoded, File: bytes.NewReader(old)}); *src.opened != 0 {
		t.Errorf("the decoded index is not complete: %+v", stats)
	}
}

func FuzzDecodeIndex(f *testing.F) {
	var b bytes.Buffer
	index, _, err := archive.Write(f.Context(), &b, newTree(many(20)), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(index.Encode("subject"))
	f.Add([]byte("weir archive index 1\n\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, _, err := archive.DecodeIndex(b)
		if err == nil && x == nil {
			t.Fatal("neither index nor error")
		}
		if err != nil && !errors.Is(err, archive.ErrIndex) {
			t.Fatalf("unexpected error %v", err)
		}
	})
}
