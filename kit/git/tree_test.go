// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/git"
)

// commitTree makes a commit on main whose root tree has exactly the entries.
func (f *fixture) commitTree(t *testing.T, entries []object.TreeEntry) {
	t.Helper()
	repo := f.server.Repository(t, repoPath)
	put := func(o object.Object) plumbing.Hash {
		encoded := repo.Storer.NewEncodedObject()
		if err := o.Encode(encoded); err != nil {
			t.Fatal(err)
		}
		h, err := repo.Storer.SetEncodedObject(encoded)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	tree := rawTree(t, f, entries)
	commit := put(&object.Commit{Message: "raw", TreeHash: tree})
	if err := repo.Storer.SetReference(plumbing.NewHashReference("refs/heads/main", commit)); err != nil {
		t.Fatal(err)
	}
}

// rawTree stores a tree without the checks of the library.
func rawTree(t *testing.T, f *fixture, entries []object.TreeEntry) plumbing.Hash {
	t.Helper()
	var text []byte
	for _, e := range entries {
		mode := map[filemode.FileMode]string{
			filemode.Regular: "100644", filemode.Executable: "100755", filemode.Dir: "40000", filemode.Symlink: "120000", filemode.Submodule: "160000",
			filemode.Deprecated: "100664",
		}[e.Mode]
		text = append(append(text, mode+" "+e.Name+"\x00"...), e.Hash[:]...)
	}
	return f.object(t, plumbing.TreeObject, string(text))
}

func (f *fixture) blob(t *testing.T, text string) plumbing.Hash {
	t.Helper()
	return f.object(t, plumbing.BlobObject, text)
}

// object stores an object, whatever it says.
func (f *fixture) object(t *testing.T, kind plumbing.ObjectType, text string) plumbing.Hash {
	t.Helper()
	repo := f.server.Repository(t, repoPath)
	o := repo.Storer.NewEncodedObject()
	o.SetType(kind)
	w, err := o.Writer()
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte(text))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	h, err := repo.Storer.SetEncodedObject(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// walk lists the entries of a commit until the first error.
func walk(t *testing.T, c *git.Commit, directories ...string) ([]string, error) {
	t.Helper()
	var all []string
	for e, err := range c.Entries(t.Context(), directories) {
		if err != nil {
			return all, err
		}
		all = append(all, []string{"file ", "exec ", "dir "}[e.Mode]+e.Path)
	}
	return all, nil
}

func TestEntries(t *testing.T) {
	f := newFixture(t)
	blob := f.blob(t, "content")
	sub := rawTree(t, f, []object.TreeEntry{{Name: "x", Mode: filemode.Regular, Hash: blob}})
	empty := rawTree(t, f, nil)
	f.commitTree(t, []object.TreeEntry{
		{Name: "a.txt", Mode: filemode.Regular, Hash: blob},
		{Name: "a", Mode: filemode.Dir, Hash: sub},
		{Name: "a0", Mode: filemode.Deprecated, Hash: blob},
		{Name: "empty", Mode: filemode.Dir, Hash: empty},
		{Name: "link", Mode: filemode.Symlink, Hash: blob},
		{Name: "module", Mode: filemode.Submodule, Hash: plumbing.NewHash("0123456789012345678901234567890123456789")},
		{Name: "run", Mode: filemode.Executable, Hash: blob},
	})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})

	cases := map[string]struct {
		reason string
		only   []string
		want   []string
	}{
		"All":       {reason: "Lexical walk order, not Git's, without links and submodules.", want: []string{"dir a", "file a/x", "file a.txt", "file a0", "dir empty", "exec run"}},
		"Sparse":    {reason: "Only what is asked for; files of the root are absent.", only: []string{"./a"}, want: []string{"dir a", "file a/x"}},
		"SparseTwo": {reason: "Several directories.", only: []string{"empty", "a/"}, want: []string{"dir a", "file a/x", "dir empty"}},
		"SparseAll": {reason: "The root is everything.", only: []string{"."}, want: []string{"dir a", "file a/x", "file a.txt", "file a0", "dir empty", "exec run"}},
		"Deep":      {reason: "What leads to a path comes with it.", only: []string{"a/x"}, want: []string{"dir a", "file a/x"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := walk(t, commit, tc.only...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	for path, want := range map[string]error{"a": nil, "./a/x": nil, ".": nil, "b": git.ErrNotFound, "a.txt/x": git.ErrNotFound, "../../etc": git.ErrNotFound} {
		if err := commit.Has(path); !errors.Is(err, want) {
			t.Errorf("Has(%q): %v, want %v", path, err, want)
		}
	}
}

func TestEntriesHostile(t *testing.T) {
	for name, entry := range map[string]string{
		"Parent": "..", "Self": ".", "Slash": "../../etc/passwd", "Empty": "", "Repository": ".git", "RepositoryCase": ".GIT",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.commitTree(t, []object.TreeEntry{{Name: entry, Mode: filemode.Regular, Hash: f.blob(t, "x")}})
			target, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Branch: "main"})
			if err != nil {
				t.Fatal(err)
			}
			commit, err := f.mirror.Fetch(t.Context(), f.remote, target)
			if err != nil {
				return // a server may refuse to send it
			}
			if got, err := walk(t, commit); err == nil {
				t.Errorf("the entry %q must not come through: %v", entry, got)
			}
		})
	}
	t.Run("Deep", func(t *testing.T) {
		f := newFixture(t)
		h := rawTree(t, f, nil)
		for range 300 {
			h = rawTree(t, f, []object.TreeEntry{{Name: "d", Mode: filemode.Dir, Hash: h}})
		}
		f.commitTree(t, []object.TreeEntry{{Name: "d", Mode: filemode.Dir, Hash: h}})
		_, commit := f.fetch(t, git.Reference{Branch: "main"})
		if _, err := walk(t, commit); err == nil {
			t.Error("endless nesting must be an error")
		}
	})
	t.Run("Bomb", func(t *testing.T) {
		f := newFixture(t)
		h := f.blob(t, "x")
		mode := filemode.Regular
		for range 9 { // ten to the ninth files out of nine trees
			var same []object.TreeEntry
			for i := range 10 {
				same = append(same, object.TreeEntry{Name: strconv.Itoa(i), Mode: mode, Hash: h})
			}
			h, mode = rawTree(t, f, same), filemode.Dir
		}
		f.commitTree(t, []object.TreeEntry{{Name: "d", Mode: filemode.Dir, Hash: h}})
		_, commit := f.fetch(t, git.Reference{Branch: "main"})
		if _, err := walk(t, commit); !errors.Is(err, git.ErrTooManyEntries) {
			t.Errorf("got %v, want ErrTooManyEntries", err)
		}
	})
	t.Run("Twice", func(t *testing.T) {
		f := newFixture(t)
		blob := f.blob(t, "x")
		f.commitTree(t, []object.TreeEntry{{Name: "a", Mode: filemode.Regular, Hash: blob}, {Name: "a", Mode: filemode.Regular, Hash: blob}})
		_, commit := f.fetch(t, git.Reference{Branch: "main"})
		if _, err := walk(t, commit); err == nil {
			t.Error("two entries of one name must be an error")
		}
	})
}
