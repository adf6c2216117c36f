// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Names of files and folders. Flux: image-automation-controller contract, "Scan and tag store", row "file layout".
const (
	folder      = "imagerepository"
	plainFile   = "tags.txt"
	zippedFile  = "tags.txt.gz"
	versionFile = ".storage-version"
	wipeFile    = ".storage-wipe-in-progress"
	// tempPrefix is how names of files begin that are not complete.
	tempPrefix = ".tags-"
	// version says that the files are those of this package.
	version = "weir-tags-v1\n"
)

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// Info describes a set.
type Info struct {
	// Revision is that of the List.
	Revision string
	// Count is the number of tags.
	Count int
}

// Store keeps a set of tags for each object, by namespace and name. Its methods may be called at the same time; sets of one object are written
// one after the other.
type Store struct {
	root      *os.Root
	threshold int64
	// ready prepares the directory before it is first used, which only a leader does.
	ready func() error

	// swap is held while files take each other's place.
	swap sync.RWMutex

	mu    sync.Mutex
	known map[types.NamespacedName]known
}

// known is what is remembered of a set, with the file that it was read from.
type known struct {
	Info
	file string
	size int64
	time time.Time
}

// Open returns the store below a directory, which is made if need be and has to be writable. Sets of that many bytes and more are compressed;
// 0 compresses all, a negative number none.
func Open(dir string, threshold int64) (*Store, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	probe := tempPrefix + "probe"
	if err := errors.Join(root.WriteFile(probe, nil, fileMode), root.Remove(probe)); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	s := &Store{root: root, threshold: threshold, known: make(map[types.NamespacedName]known)}
	s.ready = sync.OnceValue(s.prepare)
	return s, nil
}

// Close gives the directory back.
func (s *Store) Close() error { return s.root.Close() }

// prepare removes what another version or another program left behind.
func (s *Store) prepare() error {
	found, err := s.root.ReadFile(versionFile)
	_, wiping := s.root.Lstat(wipeFile)
	if err == nil && string(found) == version && errors.Is(wiping, fs.ErrNotExist) {
		return nil
	}
	if err := s.root.WriteFile(wipeFile, nil, fileMode); err != nil {
		return fmt.Errorf("prepare tag store: %w", err)
	}
	if err := s.wipe(); err != nil {
		return fmt.Errorf("prepare tag store: remove files of another layout: %w", err)
	}
	err = s.root.WriteFile(versionFile, []byte(version), fileMode)
	if err == nil {
		err = s.root.Remove(wipeFile)
	}
	if err != nil {
		return fmt.Errorf("prepare tag store: %w", err)
	}
	return nil
}

// wipe removes stored tags: ours, and the database files of the compatibility target. Other files, such as lost+found, stay.
func (s *Store) wipe() error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if isTagData(e.Name()) {
			err = errors.Join(err, s.root.RemoveAll(e.Name()))
		}
	}
	return err
}

// isTagData reports whether a name in the directory is that of stored tags. The names besides our own are those of Badger.
func isTagData(name string) bool {
	switch name {
	case folder, "MANIFEST", "KEYREGISTRY", "DISCARD", "LOCK":
		return true
	}
	switch path.Ext(name) {
	case ".sst", ".vlog", ".mem":
		return true
	}
	return strings.HasPrefix(name, tempPrefix)
}

// directory is the folder of an object.
func directory(key types.NamespacedName) string { return path.Join(folder, key.Namespace, key.Name) }

// Info describes the set of an object and reports whether there is one. It reads the file only when that has changed since it was last seen.
func (s *Store) Info(key types.NamespacedName) (Info, bool, error) {
	if err := s.ready(); err != nil {
		return Info{}, false, err
	}
	s.swap.RLock()
	file, stat, err := s.newest(key)
	s.swap.RUnlock()
	if err != nil {
		s.forget(key)
		return Info{}, false, ignoreAbsent(err)
	}
	s.mu.Lock()
	k, ok := s.known[key]
	s.mu.Unlock()
	if ok && k.file == file && k.size == stat.Size() && k.time.Equal(stat.ModTime()) {
		return k.Info, true, nil
	}
	list, ok, err := s.Get(key)
	return Info{Revision: list.Revision(), Count: list.Len()}, ok, err
}

// Get returns the set of an object and reports whether there is one. A file that is none is removed.
func (s *Store) Get(key types.NamespacedName) (List, bool, error) {
	if err := s.ready(); err != nil {
		return List{}, false, err
	}
	s.swap.RLock()
	list, k, err := s.read(key)
	s.swap.RUnlock()
	if errors.Is(err, ErrMalformed) {
		return List{}, false, s.Delete(key)
	}
	if err != nil {
		return List{}, false, ignoreAbsent(err)
	}
	s.remember(key, k)
	return list, true, nil
}

// Set stores the set of an object in place of the one before. Nothing is written if that is the same.
func (s *Store) Set(key types.NamespacedName, list List) error {
	stored := Info{Revision: list.Revision(), Count: list.Len()}
	if has, ok, err := s.Info(key); err != nil || ok && has == stored {
		return err
	}
	dir := directory(key)
	if err := s.makeFolder(dir); err != nil {
		return err
	}
	file, stale := plainFile, zippedFile
	if s.threshold >= 0 && int64(len(list.text)) >= s.threshold {
		file, stale = zippedFile, plainFile
	}
	temp := path.Join(dir, tempPrefix+file)
	stat, err := s.writeFile(temp, list, file == zippedFile)
	if err != nil {
		return errors.Join(err, ignoreAbsent(s.root.Remove(temp)))
	}
	s.swap.Lock()
	defer s.swap.Unlock()
	if err := s.root.Rename(temp, path.Join(dir, file)); err != nil {
		return errors.Join(err, ignoreAbsent(s.root.Remove(temp)))
	}
	s.remember(key, known{Info: stored, file: file, size: stat.Size(), time: stat.ModTime()})
	return ignoreAbsent(s.root.Remove(path.Join(dir, stale)))
}

// makeFolder makes the folder of an object, while nobody removes that of its namespace.
func (s *Store) makeFolder(dir string) error {
	s.swap.Lock()
	defer s.swap.Unlock()
	return s.root.MkdirAll(dir, dirMode)
}

// Delete removes the set of an object, and the folder of its namespace if that is empty then.
func (s *Store) Delete(key types.NamespacedName) error {
	if err := s.ready(); err != nil {
		return err
	}
	s.swap.Lock()
	defer s.swap.Unlock()
	s.forget(key)
	if err := s.root.RemoveAll(directory(key)); err != nil {
		return err
	}
	// It is empty or it is not; either is fine.
	_ = s.root.Remove(path.Join(folder, key.Namespace))
	return nil
}

func (s *Store) remember(key types.NamespacedName, k known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[key] = k
}

func (s *Store) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, key)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
