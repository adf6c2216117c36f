// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // the name of a Git object
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Bounds on the trees of a repository, which belongs to somebody else.
const (
	// maxDepth is how deep directories may be nested.
	maxDepth = 256
	// maxEntries is how many entries one walk may meet. A few small trees that name each other make
	// billions.
	maxEntries = 1_000_000
	// maxPathBytes is how long a path may be (PATH_MAX of Linux).
	maxPathBytes = 4096
)

// ErrTooManyEntries says that a commit has more files and directories than any checkout is for.
var ErrTooManyEntries = errors.New("repository has too many files")

// errTree says that a tree holds what no checkout would write.
var errTree = errors.New("invalid tree")

// Mode is what an entry of a tree is.
type Mode int

// The kinds of entries that are of use. Submodules are left out.
const (
	File Mode = iota
	Executable
	Dir
)

// Entry is a file or directory of a commit.
type Entry struct {
	// Path is relative to the root of the repository, with forward slashes.
	Path string
	// Mode is what the entry is.
	Mode Mode
	// Link says that it is a file whose content is where a symbolic link leads. Only EntriesAndLinks yields such.
	Link bool
	// Hash names the blob or tree.
	Hash Hash
}

// Entries yields the tree of the commit in lexical walk order: a directory before its content, names
// sorted as text. With directories given, only these, what is in them and what leads to them. Symbolic
// links and submodules are left out.
func (c *Commit) Entries(ctx context.Context, directories []string) iter.Seq2[Entry, error] {
	return c.entries(ctx, directories, false)
}

// EntriesAndLinks is Entries with the symbolic links, none of which is followed; that is for a Finder.
func (c *Commit) EntriesAndLinks(ctx context.Context, directories []string) iter.Seq2[Entry, error] {
	return c.entries(ctx, directories, true)
}

func (c *Commit) entries(ctx context.Context, directories []string, links bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w := walker{commit: c, only: cleanDirectories(directories), links: links, yield: yield, left: maxEntries}
		if err := w.walk(ctx, c.tree, "", 0); err != nil && !errors.Is(err, errStop) {
			yield(Entry{}, err)
		}
	}
}

// Has returns ErrNotFound unless the commit has a file or directory at p.
func (c *Commit) Has(p string) error {
	clean := cleanDirectory(p)
	if clean == "." {
		return nil
	}
	h, dir := c.tree, true
	for name := range strings.SplitSeq(clean, "/") {
		if !dir {
			return fmt.Errorf("%w: %s", ErrNotFound, p)
		}
		entries, err := c.readTree(h)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			return fmt.Errorf("%w: %s", ErrNotFound, p)
		}
		h, dir = entries[i].Hash, entries[i].Mode == filemode.Dir
	}
	return nil
}

// cleanDirectories normalises a list of directories. An empty list means everything.
func cleanDirectories(directories []string) []string {
	var clean []string
	for _, d := range directories {
		clean = append(clean, cleanDirectory(d))
	}
	if slices.Contains(clean, ".") {
		return nil
	}
	return clean
}

// cleanDirectory returns d relative to the root and without ways out of it; "." is the root.
func cleanDirectory(d string) string {
	return cmp.Or(strings.TrimPrefix(path.Clean("/"+d), "/"), ".")
}

// errStop ends a walk whose consumer has had enough.
var errStop = errors.New("stop")

// walker is one walk over the trees of a commit.
type walker struct {
	commit *Commit
	only   []string
	// links says that symbolic links are wanted.
	links bool
	yield func(Entry, error) bool
	// left is how many entries may still come.
	left int
}

// walk yields the content of the tree h, which is at dir.
func (w *walker) walk(ctx context.Context, h Hash, dir string, depth int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if depth > maxDepth {
		return fmt.Errorf("%w: directories nested deeper than %d", errTree, maxDepth)
	}
	entries, err := w.commit.readTree(h)
	if err != nil {
		return err
	}
	if w.left -= len(entries); w.left < 0 {
		return fmt.Errorf("%w: more than %d", ErrTooManyEntries, maxEntries)
	}
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return cmp.Compare(a.Name, b.Name) })
	for i, te := range entries {
		if i%contextInterval == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := checkName(te.Name, dir); err != nil {
			return err
		}
		if i > 0 && entries[i-1].Name == te.Name {
			return fmt.Errorf("%w: two entries %s in %q", errTree, te.Name, dir)
		}
		if err := w.visit(ctx, te, path.Join(dir, te.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

// visit yields one entry and what is below.
func (w *walker) visit(ctx context.Context, te object.TreeEntry, p string, depth int) error {
	e := Entry{Path: p, Hash: te.Hash}
	switch te.Mode {
	case filemode.Dir:
		e.Mode = Dir
	case filemode.Executable:
		e.Mode = Executable
	case filemode.Regular, filemode.Deprecated:
	case filemode.Symlink:
		if e.Link = true; !w.links {
			return nil
		}
	default:
		return nil
	}
	if !w.includes(p, e.Mode == Dir) {
		return nil
	}
	if !w.yield(e, nil) {
		return errStop
	}
	if e.Mode != Dir {
		return nil
	}
	return w.walk(ctx, te.Hash, p, depth+1)
}

// includes reports whether the entry at p is in one of the directories, or a directory on the way there.
func (w *walker) includes(p string, dir bool) bool {
	if len(w.only) == 0 {
		return true
	}
	for _, d := range w.only {
		if p == d || strings.HasPrefix(p, d+"/") || (dir && strings.HasPrefix(d, p+"/")) {
			return true
		}
	}
	return false
}

// checkName refuses names that cannot be one element of a path, or that mean the repository itself.
func checkName(name, dir string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || strings.EqualFold(name, ".git") {
		return fmt.Errorf("%w: entry %q in %q", errTree, name, dir)
	}
	if len(dir)+1+len(name) > maxPathBytes {
		return fmt.Errorf("%w: path longer than %d bytes", errTree, maxPathBytes)
	}
	return nil
}

// readTree returns the entries of a tree.
func (c *Commit) readTree(h Hash) ([]object.TreeEntry, error) {
	tree, err := object.GetTree(c.store, h)
	if err != nil {
		return nil, damaged("tree", h, err)
	}
	return tree.Entries, nil
}

// Size returns the length of a blob in bytes.
func (c *Commit) Size(h Hash) (int64, error) {
	size, err := c.store.EncodedObjectSize(h)
	if err != nil {
		return 0, damaged("blob", h, err)
	}
	return size, nil
}

// Open returns the content of a blob. Reading to the end fails with ErrCorrupt if it is not the content
// that h names.
func (c *Commit) Open(h Hash) (io.ReadCloser, error) {
	o, err := c.store.EncodedObject(plumbing.BlobObject, h)
	if err != nil {
		return nil, damaged("blob", h, err)
	}
	r, err := o.Reader()
	if err != nil {
		return nil, damaged("blob", h, err)
	}
	sum := sha1.New() //nolint:gosec // see the import
	_, _ = fmt.Fprintf(sum, "blob %d\x00", o.Size())
	return &checkedReader{r: r, sum: sum, want: h}, nil
}

// checkedReader compares what was read with the name of the blob.
type checkedReader struct {
	r    io.ReadCloser
	sum  hash.Hash
	want Hash
}

// Read implements io.Reader.
func (c *checkedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	_, _ = c.sum.Write(b[:n])
	switch {
	case errors.Is(err, io.EOF):
		if Hash(c.sum.Sum(nil)) != c.want {
			return n, fmt.Errorf("%w: blob %s has other content", ErrCorrupt, c.want)
		}
		return n, io.EOF
	case err != nil:
		return n, damaged("blob", c.want, err)
	}
	return n, nil
}

// Close implements io.Closer.
func (c *checkedReader) Close() error { return c.r.Close() }
