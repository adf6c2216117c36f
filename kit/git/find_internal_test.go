// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// FuzzFind holds that symbolic links lead where they lead in a work tree that nobody may leave, to whatever their targets are.
func FuzzFind(f *testing.F) {
	for _, seed := range [][2]string{
		{"f", "../f"}, {"d/b", "e/f"}, {"d/b/../f", "e"}, {"d/b", "../d/b"}, {"/etc/passwd", "../../f"}, {"d/./e//f/", "."}, {"f/../f", "x"}, {".git/x", "e/../../a"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Add(strings.Repeat("d/b/../../", 9)+"f", "e") // more links than os.Root follows
	random := rand.New(rand.NewPCG(1, 2))
	path := func() string {
		names := make([]string, 1+random.IntN(6))
		for i := range names {
			names[i] = []string{"..", "..", ".", "a", "b", "d", "e", "f", ""}[random.IntN(9)]
		}
		return strings.Join(names, "/")
	}
	for range 50 {
		f.Add(path(), path())
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first)+len(second) > 1000 {
			return // the limits of the machine are others
		}
		dir := t.TempDir()
		files := map[string]string{"f": "1", "d/f": "2", "d/e/f": "3"}
		links := map[string]string{"a": first, "d/b": second}
		for path, content := range files {
			if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o700), os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		for path, target := range links {
			if os.Symlink(target, filepath.Join(dir, path)) != nil {
				return // nobody can check that out
			}
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		commit := commitOf(t, files, links)
		for _, path := range []string{"a", "d/b", "a/f", "d/b/f"} {
			want := "none"
			info, err := root.Stat(path)
			if errors.Is(err, syscall.ELOOP) {
				continue // os.Root follows fewer links
			}
			if err == nil && info.IsDir() {
				want = "directory"
			} else if content, err := root.ReadFile(path); err == nil {
				want = string(content)
			}
			if got := found(t, commit, path); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
		}
	})
}

// found is the content of a file, directory or none.
func found(t *testing.T, commit *Commit, path string) string {
	t.Helper()
	entry, err := commit.Finder().Find(t.Context(), path)
	if errors.Is(err, ErrNotFound) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	if entry.Mode == Dir {
		return "directory"
	}
	r, err := commit.Open(entry.Hash)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// commitOf returns a commit of files and symbolic links.
func commitOf(t *testing.T, files, links map[string]string) *Commit {
	t.Helper()
	store := openStorage(t.TempDir())
	t.Cleanup(func() { _ = store.Close() })
	put := func(kind plumbing.ObjectType, text string) Hash {
		o := store.NewEncodedObject()
		o.SetType(kind)
		w, err := o.Writer()
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		h, err := store.SetEncodedObject(o)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	trees := map[string][]object.TreeEntry{}
	add := func(path string, mode filemode.FileMode, h Hash) {
		dir, name := filepath.Split(path)
		trees[strings.TrimSuffix(dir, "/")] = append(trees[strings.TrimSuffix(dir, "/")], object.TreeEntry{Name: name, Mode: mode, Hash: h})
	}
	for path, content := range files {
		add(path, filemode.Regular, put(plumbing.BlobObject, content))
	}
	for path, target := range links {
		add(path, filemode.Symlink, put(plumbing.BlobObject, target))
	}
	tree := func(dir string) Hash {
		entries := trees[dir]
		slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(a.Name, b.Name) })
		o := store.NewEncodedObject()
		if err := (&object.Tree{Entries: entries}).Encode(o); err != nil {
			t.Fatal(err)
		}
		h, err := store.SetEncodedObject(o)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	add("d/e", filemode.Dir, tree("d/e"))
	add("d", filemode.Dir, tree("d"))
	return &Commit{tree: tree(""), store: store}
}

// Links that lead a long way, each to the next, would keep a core busy.
func TestFindEnds(t *testing.T) {
	links := map[string]string{"l1": "f"}
	for i := 2; i <= maxLinks; i++ {
		links[fmt.Sprint("l", i)] = strings.Repeat("./", 2000) + fmt.Sprint("l", i-1)
	}
	links["longer"] = fmt.Sprint("l", maxLinks)
	first := fmt.Sprint("l", maxLinks)
	finder := commitOf(t, map[string]string{"f": "1", "d/f": "2", "d/e/f": "3"}, links).Finder()
	if got, err := finder.Find(t.Context(), first); err != nil || got.Path != "f" {
		t.Fatalf("got %v, %v", got, err)
	}
	if got, err := finder.Find(t.Context(), "longer"); !errors.Is(err, ErrNotFound) {
		t.Errorf("one link more than there may be: %v, %v", got, err)
	}
	finder.left = 10_000
	if _, err := finder.Find(t.Context(), first); !errors.Is(err, ErrTooManyEntries) {
		t.Errorf("got %v, want an end", err)
	}
	// Names that pile up on the way to nothing.
	links = map[string]string{"l1": "none"}
	for i := 2; i <= maxLinks; i++ {
		links[fmt.Sprint("l", i)] = fmt.Sprint("l", i-1) + strings.Repeat("/.", 2000)
	}
	finder = commitOf(t, map[string]string{"d/e/f": "1"}, links).Finder()
	finder.left = 1_000_000
	if _, err := finder.Find(t.Context(), first); !errors.Is(err, ErrTooManyEntries) {
		t.Errorf("got %v, want an end", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := finder.Find(ctx, "f"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that nobody waits any more", err)
	}
}
