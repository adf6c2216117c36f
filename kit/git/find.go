// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Bounds on what is done to find files.
const (
	// maxLinks is how many symbolic links one path may lead through (MAXSYMLINKS of Linux).
	maxLinks = 40
	// maxSteps bounds what one Finder does: the names it looks up, and the entries and links it reads for that. Links that lead
	// through other links, in directories of many files, would keep a core busy for hours.
	maxSteps = 10_000_000
	// linkSteps is what it costs to read a symbolic link, in steps: some microseconds.
	linkSteps = 20
	// maxKeptEntries bounds the entries that a Finder keeps in memory, of the directories that it was in.
	maxKeptEntries = 100_000
)

// Finder finds files of a commit by their path. It has one user at a time.
type Finder struct {
	commit *Commit
	// dirs are directories that were read, by name of their entries.
	dirs map[Hash]map[string]object.TreeEntry
	kept int
	left int
}

// Finder returns a new Finder for the commit.
func (c *Commit) Finder() *Finder {
	return &Finder{commit: c, dirs: map[Hash]map[string]object.TreeEntry{}, left: maxSteps}
}

// Find returns the file or directory that p leads to in a checkout of the commit: symbolic links on the way, and at its end, are
// followed as long as they stay inside. The path of the entry is where it really is. The error is ErrNotFound also for a link that
// leads out of the repository, in a circle or into a submodule; at a submodule itself it is ErrSubmodule too. p itself is relative to
// the root and cannot leave it.
func (f *Finder) Find(ctx context.Context, p string) (Entry, error) {
	way := way{finder: f, dirs: []Entry{{Path: ".", Mode: Dir, Hash: f.commit.tree}}, names: strings.Split(cleanDirectory(p), "/")}
	entry, err := way.walk(ctx)
	if err != nil {
		return Entry{}, fmt.Errorf("find %s: %w", p, err)
	}
	return entry, nil
}

// way is how far a path was followed.
type way struct {
	finder *Finder
	// dirs are the directories from the root to where the way has come, names are what comes after.
	dirs  []Entry
	names []string
	links int
}

// here is the directory where the way has come.
func (w *way) here() Entry { return w.dirs[len(w.dirs)-1] }

// walk goes on to the end.
func (w *way) walk(ctx context.Context) (Entry, error) {
	for len(w.names) > 0 {
		if ctx.Err() != nil {
			return Entry{}, context.Cause(ctx)
		}
		name := w.names[0]
		w.names = w.names[1:]
		if file, err := w.step(name); err != nil || file.Path != "" {
			return file, err
		}
	}
	return w.here(), nil
}

// step takes one name. It returns the file at the end of the way, if that is reached.
func (w *way) step(name string) (Entry, error) {
	if err := w.finder.spend(1); err != nil {
		return Entry{}, err
	}
	switch name {
	case "", ".":
		return Entry{}, nil
	case "..":
		if len(w.dirs) == 1 {
			return Entry{}, fmt.Errorf("%w: a symbolic link leads out of the repository", ErrNotFound)
		}
		w.dirs = w.dirs[:len(w.dirs)-1]
		return Entry{}, nil
	}
	if checkName(name, "") != nil {
		return Entry{}, fmt.Errorf("%w: %s", ErrNotFound, serverText([]byte(name)))
	}
	found, err := w.finder.entry(w.here().Hash, name)
	if err != nil {
		return Entry{}, err
	}
	at := Entry{Path: path.Join(w.here().Path, name), Hash: found.Hash}
	switch found.Mode {
	case filemode.Dir:
		return Entry{}, w.enter(at)
	case filemode.Symlink:
		return Entry{}, w.follow(at)
	case filemode.Executable:
		at.Mode = Executable
	case filemode.Regular, filemode.Deprecated:
	default:
		if len(w.names) == 0 {
			return Entry{}, fmt.Errorf("%w: %w: %s", ErrNotFound, ErrSubmodule, at.Path)
		}
		return Entry{}, fmt.Errorf("%w: %s is in a submodule", ErrNotFound, at.Path)
	}
	if len(w.names) > 0 {
		return Entry{}, fmt.Errorf("%w: %s is no directory", ErrNotFound, at.Path)
	}
	return at, nil
}

// enter goes into a directory.
func (w *way) enter(dir Entry) error {
	if len(w.dirs) > maxDepth {
		return fmt.Errorf("%w: directories nested deeper than %d", errTree, maxDepth)
	}
	dir.Mode = Dir
	w.dirs = append(w.dirs, dir)
	return nil
}

// follow goes where a symbolic link leads.
func (w *way) follow(link Entry) error {
	if w.links++; w.links > maxLinks {
		return fmt.Errorf("%w: a circle of symbolic links, or more than %d", ErrNotFound, maxLinks)
	}
	if err := w.finder.spend(linkSteps); err != nil {
		return err
	}
	target, err := w.finder.target(link.Hash)
	switch {
	case err != nil:
		return err
	case target == "" || strings.Contains(target, "\x00"):
		return fmt.Errorf("%w: the symbolic link %s leads nowhere", ErrNotFound, link.Path)
	case path.IsAbs(target):
		return fmt.Errorf("%w: the symbolic link %s leads out of the repository", ErrNotFound, link.Path)
	}
	w.names = slices.Concat(strings.Split(target, "/"), w.names)
	return w.finder.spend(len(w.names))
}

// target returns the text of a symbolic link, empty if it is too long to be one.
func (f *Finder) target(h Hash) (text string, err error) {
	size, err := f.commit.Size(h)
	if err != nil || size > maxPathBytes {
		return "", err
	}
	r, err := f.commit.Open(h)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	// One more than there is, so that the end is seen and with it whether the content is right.
	content, err := io.ReadAll(io.LimitReader(r, size+1))
	return string(content), err
}

// entry returns the entry of that name of a directory. The first of several counts, as it does for Draft.
func (f *Finder) entry(dir Hash, name string) (object.TreeEntry, error) {
	found, ok := f.dirs[dir][name]
	if _, kept := f.dirs[dir]; !kept {
		entries, err := f.commit.readTree(dir)
		if err == nil {
			err = f.spend(len(entries))
		}
		if err != nil {
			return object.TreeEntry{}, err
		}
		f.keep(dir, entries)
		if i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name }); i >= 0 {
			found, ok = entries[i], true
		}
	}
	if !ok {
		return object.TreeEntry{}, fmt.Errorf("%w: %s", ErrNotFound, serverText([]byte(name)))
	}
	return found, nil
}

// keep remembers a directory, unless it is a very large one.
func (f *Finder) keep(dir Hash, entries []object.TreeEntry) {
	if len(entries) > maxKeptEntries {
		return
	}
	if f.kept += len(entries); f.kept > maxKeptEntries {
		clear(f.dirs)
		f.kept = len(entries)
	}
	byName := make(map[string]object.TreeEntry, len(entries))
	for _, e := range slices.Backward(entries) {
		byName[e.Name] = e
	}
	f.dirs[dir] = byName
}

// spend takes n of the steps that are left.
func (f *Finder) spend(n int) error {
	if f.left -= n; f.left < 0 {
		return fmt.Errorf("%w for its symbolic links", ErrTooManyEntries)
	}
	return nil
}
