// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/lockedfile"

	"github.com/weir-gitops/weir/kit/artifact/store"
)

const (
	// indexUse is the private directory of an object for its tables and temporary files.
	indexUse = "index"
	// tablePrefix is what the names of tables start with; a hash of the subject follows.
	tablePrefix = "table-"
	// rebuildLock is held while a table is made again, so that all who miss it wait for one.
	rebuildLock = "rebuild.lock"
	// keptTables are those of the published index and of the one before: a chart may still know that.
	keptTables = 2
)

// Shelf keeps the tables of published indexes in the private part of the storage, the latest two of an object. One that is lost or damaged is made
// again from the index.
type Shelf struct {
	Store *store.Store
}

// Dir returns a directory for temporary files of o.
func (s Shelf) Dir(o store.Object) (string, error) { return s.Store.StateDir(o, indexUse) }

// Keep writes the table of an index that is published as a.
func (s Shelf) Keep(o store.Object, c *Compiled, a *meta.Artifact) error {
	write := func(w io.Writer) error { return c.WriteTable(w, subject(a)) }
	if err := s.Store.WriteStateFile(o, indexUse, tableName(subject(a)), write); err != nil {
		return err
	}
	dir, err := s.Dir(o)
	if err != nil {
		return err
	}
	return prune(dir, tableName(subject(a)))
}

// tableName is the name of the table of an index.
func tableName(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return tablePrefix + hex.EncodeToString(sum[:8])
}

// prune removes all tables but that of the given name, which is the latest, and those written last before it.
func prune(dir, latest string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var tables []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), tablePrefix) && e.Name() != latest {
			tables = append(tables, info)
		}
	}
	slices.SortFunc(tables, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var errs []error
	for _, old := range tables[min(keptTables-1, len(tables)):] {
		if err := os.Remove(filepath.Join(dir, old.Name())); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
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
	file := filepath.Join(dir, tableName(subject(a)))
	entry, err = find(file, subject(a), name, wanted)
	if !isLost(err) {
		return entry, true, err
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(dir, rebuildLock)).Lock()
	if err != nil {
		return Entry{}, false, fmt.Errorf("lock table of the index: %w", err)
	}
	defer unlock()
	if entry, err = find(file, subject(a), name, wanted); !isLost(err) { // by whoever held the lock
		return entry, false, err
	}
	if err := s.rebuild(ctx, o, a, dir); err != nil {
		return Entry{}, false, fmt.Errorf("read published index: %w", err)
	}
	entry, err = find(file, subject(a), name, wanted)
	return entry, false, err
}

// isLost reports whether a table has to be made again.
func isLost(err error) bool { return errors.Is(err, ErrTable) || errors.Is(err, fs.ErrNotExist) }

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
