// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/apis/meta"

	"github.com/weir-gitops/weir/kit/artifact/store"
)

const (
	// indexUse is the private directory of an object for its table and temporary files.
	indexUse  = "index"
	tableFile = "table"
	// tempTable is the name of an unfinished table; the storage knows such names and removes what is left over.
	tempTable = ".table.tmp-*"
)

// Shelf keeps the tables of published indexes in the private part of the storage. One that is lost or damaged is made again from the index.
type Shelf struct {
	Store *store.Store
}

// Dir returns a directory for temporary files of o.
func (s Shelf) Dir(o store.Object) (string, error) { return s.Store.StateDir(o, indexUse) }

// Keep writes the table of an index that is published as a.
func (s Shelf) Keep(o store.Object, c *Compiled, a *meta.Artifact) (err error) {
	dir, err := s.Dir(o)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, tempTable)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(c.WriteTable(f, subject(a)), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, tableFile))
}

// subject names a published index.
func subject(a *meta.Artifact) string { return a.Path + "@" + a.Digest }

// Find looks for a version in the index that is published as a by o. ready says that there was a table of it. The errors are those of Table.Find,
// and fs.ErrNotExist if the index is not in storage.
func (s Shelf) Find(ctx context.Context, o store.Object, a *meta.Artifact, name, wanted string) (entry Entry, ready bool, err error) {
	dir, err := s.Dir(o)
	if err != nil {
		return Entry{}, false, err
	}
	file := filepath.Join(dir, tableFile)
	entry, err = find(file, subject(a), name, wanted)
	if !errors.Is(err, ErrTable) && !errors.Is(err, fs.ErrNotExist) {
		return entry, true, err
	}
	if err := s.rebuild(ctx, o, a, dir); err != nil {
		return Entry{}, false, fmt.Errorf("read published index: %w", err)
	}
	entry, err = find(file, subject(a), name, wanted)
	return entry, false, err
}

// find looks for a version in a table, which is damaged if it is that of another index.
func find(file, subject, name, wanted string) (_ Entry, err error) {
	f, err := os.Open(file)
	if err != nil {
		return Entry{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return Entry{}, err
	}
	t, err := OpenTable(f, info.Size())
	if err != nil {
		return Entry{}, err
	}
	if t.Subject != subject {
		return Entry{}, fmt.Errorf("%w: it is of another index", ErrTable)
	}
	return t.Find(name, wanted)
}

// rebuild makes the table again.
func (s Shelf) rebuild(ctx context.Context, o store.Object, a *meta.Artifact, dir string) (err error) {
	index, err := s.Store.Open(a.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	info, err := index.Stat()
	if err != nil {
		return err
	}
	c, err := Compile(ctx, index, info.Size(), dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return s.Keep(o, c, a)
}
