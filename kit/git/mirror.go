// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// ErrCorrupt says that the mirror on disk is damaged. After Reset the next Fetch starts anew.
var ErrCorrupt = errors.New("local mirror is damaged")

const (
	repoName = "repo.git"
	// freshMark and tempPackMark begin the names of what an interrupted fetch leaves.
	freshMark    = "fresh-"
	tempPackMark = "tmp_pack_"
	stateName    = "weir.json"
	// stateVersion changes when an older mirror cannot be used any more.
	stateVersion = 1

	// objectCacheBytes bounds the objects kept in memory while a mirror is open. Trees are read in
	// order, so a small cache serves delta bases well.
	objectCacheBytes = 8 << 20
	// largeObjectBytes is the size above which a blob is streamed from the pack.
	largeObjectBytes = 1 << 20

	// maxPacks and growthFactor bound what increments add to a mirror; beyond, it is cloned afresh.
	// Each fetch adds a pack, and a pack costs a file descriptor and a lookup per object.
	maxPacks     = 100
	growthFactor = 3
	// growthFloorBytes keeps small mirrors from being cloned again all the time.
	growthFloorBytes = 32 << 20
	// maxHaves is how many commits we say we have. They are recent, so the first usually suffices.
	maxHaves = 4
)

// state is what a mirror knows about itself.
type state struct {
	Version int `json:"version"`
	// Remote is the repository it mirrors, without credentials.
	Remote string `json:"remote"`
	// Complete says that the history is there, not only the commits themselves.
	Complete bool `json:"complete,omitempty"`
	// BaseBytes is the size of the packs after the last clone.
	BaseBytes int64 `json:"baseBytes"`
	// Commits were fetched, the latest last. Their trees are complete.
	Commits []string `json:"commits,omitempty"`
	// Pinned is the reference by commit that was last found to be right, as text.
	Pinned string `json:"pinned,omitempty"`
}

// Mirror is a local copy of what was needed of a remote repository. It has one user at a time.
type Mirror struct {
	dir   string
	state state
	store *filesystem.Storage
}

// OpenMirror opens the mirror in dir, a directory of its own that exists. A missing or unusable mirror is
// an empty one.
func OpenMirror(dir string) (*Mirror, error) {
	m := &Mirror{dir: dir}
	if err := m.sweep(); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	m.state = readState(m.repo())
	if m.state.Version != stateVersion {
		return m, m.Reset()
	}
	m.store = openStorage(m.repo())
	return m, nil
}

// repo is the path of the repository.
func (m *Mirror) repo() string { return filepath.Join(m.dir, repoName) }

// Reset throws the content away.
func (m *Mirror) Reset() error {
	closed := m.Close()
	m.state = state{}
	return errors.Join(closed, os.RemoveAll(m.repo()))
}

// Close releases the files of the mirror. Commits read from it cannot be used any more.
func (m *Mirror) Close() error {
	if m.store == nil {
		return nil
	}
	err := m.store.Close()
	m.store = nil
	return err
}

// sweep removes clones and packs that were never finished.
func (m *Mirror) sweep() error {
	err := removeMarked(packDir(m.repo()), tempPackMark)
	if err == nil {
		err = removeOrphans(packDir(m.repo()))
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, removeMarked(m.dir, freshMark))
}

// removeMarked removes everything in dir whose name begins with mark.
func removeMarked(dir, mark string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), mark) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// removeOrphans removes every index without a pack, which a run that ended between placing the two leaves.
func removeOrphans(dir string) error {
	indexes, err := filepath.Glob(filepath.Join(dir, "pack-*.idx"))
	if err != nil {
		return err
	}
	var errs []error
	for _, index := range indexes {
		if _, err := os.Stat(strings.TrimSuffix(index, ".idx") + ".pack"); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, os.Remove(index))
		}
	}
	return errors.Join(errs...)
}

// readState returns the state of the repository at repo, zero if there is none.
func readState(repo string) state {
	var s state
	b, err := os.ReadFile(filepath.Join(repo, stateName))
	if err != nil || json.Unmarshal(b, &s) != nil {
		return state{}
	}
	return s
}

// writeState stores the state of the repository at repo.
func writeState(repo string, s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temp := filepath.Join(repo, stateName+".new")
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(repo, stateName))
}

// openStorage returns go-git's view of the repository at path.
func openStorage(path string) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(path, osfs.WithBoundOS()), cache.NewObjectLRU(objectCacheBytes),
		filesystem.Options{ExclusiveAccess: true, KeepDescriptors: true, LargeObjectThreshold: largeObjectBytes})
}

// holds reports whether the mirror has the commit that ref asks for, found in this remote before.
func (m *Mirror) holds(remote *Remote, ref Reference) bool {
	return m.mirrors(remote) && m.state.Pinned == ref.String() && m.has(hashOf(ref.Commit))
}

// mirrors reports whether the content comes from this remote.
func (m *Mirror) mirrors(remote *Remote) bool {
	return m.store != nil && m.state.Remote == remote.identity()
}

// has reports whether the object is in the mirror. go-git's HasEncodedObject does not look into packs of
// a repository that is opened for exclusive access.
func (m *Mirror) has(h Hash) bool {
	if m.store == nil {
		return false
	}
	_, err := m.store.EncodedObjectSize(h)
	return err == nil
}

// intact reports whether the commits that were fetched are there.
func (m *Mirror) intact() bool {
	for _, text := range m.state.Commits {
		if !m.has(hashOf(text)) {
			return false
		}
	}
	return true
}

// overgrown reports whether increments have made the mirror much larger than a fresh clone.
func (m *Mirror) overgrown() bool {
	packs, bytes, err := packUsage(m.repo())
	return err != nil || packs > maxPacks || bytes > max(m.state.BaseBytes*growthFactor, growthFloorBytes)
}

// packUsage returns the number and size of packs in a repository.
func packUsage(repo string) (packs int, bytes int64, err error) {
	entries, err := os.ReadDir(packDir(repo))
	if errors.Is(err, os.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pack") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return 0, 0, err
		}
		packs++
		bytes += info.Size()
	}
	return packs, bytes, nil
}

// packDir is where the packs of a repository are.
func packDir(repo string) string { return filepath.Join(repo, "objects", "pack") }

// hashOf returns the hash with the given text.
func hashOf(text string) Hash { return plumbing.NewHash(text) }
