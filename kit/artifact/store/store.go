// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/weir-gitops/weir/kit/artifact"
)

const (
	// stateDir is the private part of the storage.
	stateDir = ".state"
	// tempPrefix and tempMark are in the name of everything unfinished.
	tempPrefix, tempMark = ".", ".tmp-"
	// lockSuffix names the lock of a file.
	lockSuffix = ".lock"

	dirPerm  = 0o700
	filePerm = 0o600
)

// ErrPath says that a name cannot be a part of a path in the storage.
var ErrPath = errors.New("invalid storage path")

// Options describe a store.
type Options struct {
	// Path is the root directory. It must exist.
	Path string
	// Host is the address under which the artifacts are served, without a scheme or with one.
	Host string
	// Algorithm is used for the digest of new files.
	Algorithm artifact.Algorithm
	// TTL is how long a file is kept after a newer one replaced it, whatever Records allows for.
	TTL time.Duration
	// Records is how many files of an object are kept at most, the current one included.
	Records int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Store is a directory of artifacts. It is safe for concurrent use on different objects.
type Store struct {
	options Options
	root    *os.Root

	mu       sync.Mutex
	verified map[string]verdict
}

// Open opens the storage at o.Path and removes what an interrupted process left unfinished.
func Open(o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	absolute, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open storage %s: %w", o.Path, err)
	}
	o.Path = absolute
	root, err := os.OpenRoot(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	s := &Store{options: o, root: root, verified: map[string]verdict{}}
	if err := s.sweep(); err != nil {
		return nil, errors.Join(fmt.Errorf("sweep storage: %w", err), root.Close())
	}
	return s, nil
}

// Close releases the root directory.
func (s *Store) Close() error { return s.root.Close() }

// Root returns the root directory, for reading by the artifact server.
func (s *Store) Root() *os.Root { return s.root }

// Object identifies the owner of a directory.
type Object struct {
	// Kind is the lower-case kind, as in "gitrepository".
	Kind, Namespace, Name string
}

// dir returns the directory of the object, relative to the root.
func (o Object) dir() (string, error) {
	for _, part := range []string{o.Kind, o.Namespace, o.Name} {
		if err := checkName(part); err != nil {
			return "", err
		}
	}
	return path.Join(o.Kind, o.Namespace, o.Name), nil
}

// checkName refuses what is not one visible path element.
func checkName(name string) error {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`+"\x00") {
		return fmt.Errorf("%w: %q", ErrPath, name)
	}
	return nil
}

// Path returns where file of o is stored, relative to the root: the path of an artifact.
func (s *Store) Path(o Object, file string) (string, error) {
	dir, err := o.dir()
	if err != nil {
		return "", err
	}
	if err := checkName(file); err != nil {
		return "", err
	}
	return path.Join(dir, file), nil
}

// URL returns the address at which the file at p is served.
func (s *Store) URL(p string) string {
	host := strings.TrimSuffix(s.options.Host, "/")
	if !strings.HasPrefix(host, "http://") && !strings.HasPrefix(host, "https://") {
		host = "http://" + host
	}
	return host + "/" + strings.TrimPrefix(p, "/")
}

// Open opens a stored file for reading.
func (s *Store) Open(p string) (*os.File, error) {
	return s.root.Open(p)
}

// Remove deletes a stored file and its lock. A missing file is no error.
func (s *Store) Remove(p string) error {
	s.forget(p)
	return errors.Join(
		ignoreMissing(s.root.Remove(p)),
		ignoreMissing(s.root.Remove(p+lockSuffix)),
	)
}

// RemoveObject deletes everything that is stored for o, also its state.
func (s *Store) RemoveObject(o Object) error {
	dir, err := o.dir()
	if err != nil {
		return err
	}
	s.forget(dir)
	errs := []error{s.root.RemoveAll(dir)}
	kinds, err := fs.ReadDir(s.root.FS(), stateDir)
	errs = append(errs, ignoreMissing(err))
	for _, kind := range kinds {
		errs = append(errs, s.root.RemoveAll(path.Join(stateDir, kind.Name(), dir)))
	}
	return errors.Join(errs...)
}

// StateDir returns the absolute path of a private directory for o, created if missing. use says what it
// is for, as in "mirror".
func (s *Store) StateDir(o Object, use string) (string, error) {
	dir, err := s.stateDir(o, use)
	if err != nil {
		return "", err
	}
	return filepath.Join(s.options.Path, filepath.FromSlash(dir)), nil
}

// stateDir makes the private directory and returns its path below the root.
func (s *Store) stateDir(o Object, use string) (string, error) {
	dir, err := o.stateDir(use)
	if err != nil {
		return "", err
	}
	return dir, s.root.MkdirAll(dir, dirPerm)
}

// stateDir returns the private directory of the object for a use, relative to the root.
func (o Object) stateDir(use string) (string, error) {
	dir, err := o.dir()
	if err != nil {
		return "", err
	}
	if err := checkName(use); err != nil {
		return "", err
	}
	return path.Join(stateDir, use, dir), nil
}

// ignoreMissing drops the error of a file that does not exist.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
