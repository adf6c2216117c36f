// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// maxCollected is how many files of an object are looked at in one pass.
const maxCollected = 1000

// stored is a file that may be collected.
type stored struct {
	path    string
	modTime time.Time
}

// Collect removes old files of o: those older than the TTL, then the oldest until at most Records are
// left. The file at current, a path or empty, always stays. It returns the paths it removed. Locks without
// a file and temporary files that nobody finishes go as well, untold, also those in private directories of o. What cannot be removed
// keeps nothing else from it.
func (s *Store) Collect(ctx context.Context, o Object, current string) ([]string, error) {
	dir, err := o.dir()
	if err != nil {
		return nil, err
	}
	errs := []error{s.cleanAll(dir)}
	files, err := s.list(dir)
	errs = append(errs, ignoreMissing(err))
	var removed []string
	for _, p := range s.expired(files, current) {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		if err := s.Remove(p); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, p)
	}
	return removed, errors.Join(errs...)
}

// cleanAll removes the leftovers of writes that failed: unfinished files of an object, also in its private directories, and in the public one the locks
// of files that are not there. Private locks are the business of whoever uses them.
func (s *Store) cleanAll(dir string) error {
	errs := []error{s.clean(dir, true)}
	uses, err := fs.ReadDir(s.root.FS(), stateDir)
	errs = append(errs, ignoreMissing(err))
	for _, use := range uses {
		errs = append(errs, s.clean(path.Join(stateDir, use.Name(), dir), false))
	}
	return errors.Join(errs...)
}

// clean is cleanAll for one directory.
func (s *Store) clean(dir string, locks bool) error {
	entries, err := s.entries(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	var errs []error
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch file, isLock := strings.CutSuffix(p, lockSuffix); {
		case isTemp(e.Name()):
			errs = append(errs, s.sweepTemp(p, e))
		case locks && isLock && e.Type().IsRegular():
			errs = append(errs, s.unlockMissing(file))
		}
	}
	return errors.Join(errs...)
}

// expired returns which of the files have to go. Files of the same age are told apart by name.
func (s *Store) expired(files []stored, current string) []string {
	slices.SortFunc(files, func(a, b stored) int {
		return cmp.Or(a.modTime.Compare(b.modTime), cmp.Compare(a.path, b.path))
	})
	var gone []string
	excess := len(files) - s.options.Records
	for _, f := range files {
		if f.path == current {
			continue
		}
		if excess > 0 || s.options.Now().Sub(f.modTime) > s.options.TTL {
			gone = append(gone, f.path)
			excess--
		}
	}
	return gone
}

// list returns the files of a directory that count as artifacts.
func (s *Store) list(dir string) (files []stored, err error) {
	entries, err := s.entries(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || strings.HasSuffix(name, lockSuffix) || strings.HasPrefix(name, ".") {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, stored{path: path.Join(dir, name), modTime: info.ModTime()})
	}
	return files, nil
}

// entries returns what is in a directory, up to maxCollected.
func (s *Store) entries(dir string) (entries []fs.DirEntry, err error) {
	f, err := s.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	entries, err = f.ReadDir(maxCollected)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return entries, err
}

// sweep removes unfinished files and directories of an interrupted process, wherever they are. It does
// not look into mirrors, whose owner does so, and which may hold very many files.
func (s *Store) sweep() error {
	const objectDepth = 3 // <kind>/<namespace>/<name>
	return fs.WalkDir(s.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			// Whatever is on the volume, as a lost+found of the file system, does not keep us from starting.
			return skip(e)
		}
		if isTemp(e.Name()) {
			if err := s.sweepTemp(p, e); err != nil {
				return err
			}
			return skip(e)
		}
		inState := p == stateDir || strings.HasPrefix(p, stateDir+"/")
		depth := strings.Count(p, "/") + 1
		if e.IsDir() && ((!inState && depth > objectDepth) || (inState && depth > objectDepth+2)) {
			return fs.SkipDir
		}
		return nil
	})
}

// skip leaves out e and, if it is a directory, what is below.
func skip(e fs.DirEntry) error {
	if e != nil && e.IsDir() {
		return fs.SkipDir
	}
	return nil
}
