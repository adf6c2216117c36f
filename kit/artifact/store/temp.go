// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

const (
	// abandoned is how long nobody wrote to a temporary file whose owner cannot be asked for: a link, what cannot be opened, or anything on a file system
	// without locks. A process that waits to become leader starts while another one still writes. Writes below a directory do not show in its own time.
	abandoned, abandonedDir = 10 * time.Minute, 6 * time.Hour
	// maxNames is how often a temporary file is made anew because a sweep took it for one that nobody owns.
	maxNames = 10
)

// Temporary files and directories are locked by the process that made them, until it has finished or is gone, whatever ended it. What carries their
// mark and is not locked belongs to nobody. Between being made and being locked one may be taken for such: whoever made it looks, once it is locked,
// whether it is still there.

// tempName is a name for something unfinished that will be name.
func tempName(name string) string { return tempPrefix + name + tempMark + rand.Text() }

// isTemp reports whether a name is that of something unfinished.
func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && strings.Contains(name, tempMark)
}

// errSwept says that a sweep was faster than whoever made something.
var errSwept = errors.New("removed by somebody else again and again")

// temporary makes a file or directory beside p by calling create with its name, and locks it until it is closed. On some network file systems only who
// has the lock may write, so create returns what is written through.
func (s *Store) temporary(p string, create func(temp string) (*os.File, error)) (temp string, f *os.File, err error) {
	for range maxNames {
		temp = path.Join(path.Dir(p), tempName(path.Base(p)))
		f, err := create(temp)
		if errors.Is(err, errSwept) {
			continue
		}
		if err != nil {
			return "", nil, about(p, temp, err)
		}
		if s.own(temp, f) {
			return temp, f, nil
		}
		if err := f.Close(); err != nil {
			return "", nil, about(p, temp, err)
		}
	}
	return "", nil, fmt.Errorf("temporary file for %s is %w", p, errSwept)
}

// own locks what was made, and reports whether it is still there.
func (s *Store) own(temp string, f *os.File) bool {
	if lock(f) == lockTaken {
		return false // by a sweep, which removes it
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := s.root.Lstat(temp)
	return err == nil && os.SameFile(info, there)
}

// tempFile makes a locked temporary file beside p, open for reading and writing. f may be closed before hold is, which ends the lock.
func (s *Store) tempFile(p string) (temp string, f *os.File, hold io.Closer, err error) {
	temp, f, err = s.temporary(p, func(temp string) (*os.File, error) {
		return s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, filePerm)
	})
	if err != nil {
		return "", nil, nil, err
	}
	if hold, err = keep(f); err != nil {
		return "", nil, nil, errors.Join(fmt.Errorf("lock %s: %w", p, err), f.Close(), s.root.Remove(temp))
	}
	return temp, f, hold, nil
}

// tempDir makes a directory and opens it.
func (s *Store) tempDir(temp string) (*os.File, error) {
	if err := s.root.Mkdir(temp, dirPerm); err != nil {
		return nil, err
	}
	f, err := s.root.Open(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errSwept
	}
	if err != nil {
		return nil, errors.Join(err, s.root.RemoveAll(temp))
	}
	return f, nil
}

// Scratch is a private directory for the work on one object. It is gone, with all in it, when it is closed, or some time after the process ended
// without that.
type Scratch struct {
	// Root is the directory.
	Root *os.Root

	store *Store
	path  string
	hold  *os.File
}

// Scratch makes an empty directory for o. use says what it is for, as in "layer". It has to be closed.
func (s *Store) Scratch(o Object, use string) (*Scratch, error) {
	dir, err := s.stateDir(o, use)
	if err != nil {
		return nil, err
	}
	temp, hold, err := s.temporary(path.Join(dir, use), s.tempDir)
	if err != nil {
		return nil, err
	}
	root, err := s.root.OpenRoot(temp)
	if err != nil {
		return nil, errors.Join(err, s.root.RemoveAll(temp), hold.Close())
	}
	return &Scratch{Root: root, store: s, path: temp, hold: hold}, nil
}

// Close removes the directory. It may be called more than once.
func (d *Scratch) Close() error {
	if d.hold == nil {
		return nil
	}
	err := errors.Join(d.Root.Close(), d.store.root.RemoveAll(d.path), d.hold.Close())
	d.hold = nil
	return err
}

// anonymousName is what errors call a file without a name.
const anonymousName = "temporary file"

// ErrTemporary says that a temporary file could not be made, for whatever reason.
var ErrTemporary = errors.New("temporary file not made")

// temporaryError is an ErrTemporary whose text is that of the cause alone.
type temporaryError struct{ error }

// Is implements the interface that errors.Is looks for.
func (temporaryError) Is(target error) bool { return target == ErrTemporary }

// Unwrap does so for that of errors.Unwrap.
func (e temporaryError) Unwrap() error { return e.error }

// Anonymous makes a temporary file in dir, which is one of StateDir. It has no name, and is gone when it is closed, also when the process ends without
// that. What goes wrong with it is told in the same words each time. The error is ErrTemporary.
func Anonymous(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, tempPrefix+tempMark+"*")
	if err != nil {
		return nil, temporaryError{about(anonymousName, "", err)}
	}
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) { // a sweep may have been faster
		return nil, temporaryError{errors.Join(about(anonymousName, "", err), f.Close())}
	}
	if f, err = renamed(f, anonymousName); err != nil {
		return nil, temporaryError{err}
	}
	return f, nil
}

// sweepTemp removes the temporary file, link or directory at p if nobody owns it.
func (s *Store) sweepTemp(p string, e fs.DirEntry) (err error) {
	if !e.IsDir() && !e.Type().IsRegular() {
		return s.sweepOld(p, e)
	}
	f, err := s.root.Open(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.sweepOld(p, e) // nobody can say whose it is
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	switch lock(f) {
	case lockTaken:
		return nil
	case lockUnknown:
		return s.sweepOld(p, e)
	case lockHeld:
	}
	return ignoreMissing(s.root.RemoveAll(p))
}

// sweepOld removes it if nobody wrote to it for long.
func (s *Store) sweepOld(p string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return ignoreMissing(err)
	}
	patience := abandoned
	if e.IsDir() {
		patience = abandonedDir
	}
	if s.options.Now().Sub(info.ModTime()) < patience {
		return nil
	}
	return ignoreMissing(s.root.RemoveAll(p))
}

// lockState is what became of an attempt to lock a file.
type lockState int

const (
	// lockHeld: we have it until the file is closed.
	lockHeld lockState = iota
	// lockTaken: another one has it.
	lockTaken
	// lockUnknown: the file system knows no locks.
	lockUnknown
)
