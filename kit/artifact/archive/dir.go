// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
)

// dirSource is a directory on disk.
type dirSource struct {
	root *os.Root
}

// FromDir returns the tree below root. Links are neither followed nor kept. Nothing is known about the
// content before it is read, so its members are never reused.
func FromDir(root *os.Root) Source {
	return dirSource{root: root}
}

// Entries implements Source.
func (d dirSource) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		stopped := false
		err := fs.WalkDir(d.root.FS(), ".", func(p string, de fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || p == "." {
				return err
			}
			e, ok, err := dirEntry(p, de)
			if err == nil && !ok {
				return nil
			}
			if !yield(e, err) {
				stopped = true
				return fs.SkipAll
			}
			return nil
		})
		if err != nil && !stopped {
			yield(Entry{}, err)
		}
	}
}

// dirEntry translates a directory entry and reports whether it can be archived.
func dirEntry(p string, de fs.DirEntry) (Entry, bool, error) {
	switch {
	case de.IsDir():
		return Entry{Path: p, Mode: Dir}, true, nil
	case !de.Type().IsRegular():
		return Entry{}, false, nil
	}
	info, err := de.Info()
	if err != nil {
		return Entry{}, false, err
	}
	if info.Mode().Perm()&0o111 != 0 {
		return Entry{Path: p, Mode: Executable}, true, nil
	}
	return Entry{Path: p, Mode: File}, true, nil
}

// Size implements Source.
func (d dirSource) Size(e Entry) (int64, error) {
	info, err := d.root.Lstat(e.Path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Open implements Source.
func (d dirSource) Open(e Entry) (io.ReadCloser, error) {
	return d.root.Open(e.Path)
}
