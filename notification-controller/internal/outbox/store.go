// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	// lockFile is held by the process that the folder belongs to.
	lockFile = "lock"
	// segmentShare is which part of the whole bound one segment takes: one entry that waits long keeps no more than that from being freed.
	segmentShare = 16
	// maxSegment bounds a segment, in bytes, before the entry that exceeds it.
	maxSegment = 4 << 20
	// maxEntries bounds the memory that entries take while they wait, some hundred bytes each.
	maxEntries = 50_000
)

var (
	// ErrFull says that there is no room for another entry at the moment.
	ErrFull = errors.New("outbox is full")
	// ErrClosed says that the outbox has ended.
	ErrClosed = errors.New("outbox is closed")
)

// store is the part of the outbox that is on disk.
type store struct {
	root *os.Root
	lock *os.File
	// maxBytes bounds the files.
	maxBytes int64
	// damaged is what could not be read of the files of an earlier process.
	damaged []damage

	mu sync.Mutex
	// refusing is set when no entry begins to be taken any more, closed when the files are closed too.
	refusing bool
	closed   bool
	current  *segment // takes new entries; nil until there is one
	segments map[string]*segment
	next     uint64
	pending  int
	// entering counts entries that are being taken. It grows under the lock while refusing is not set.
	entering sync.WaitGroup
}

// openStore takes the folder for this process, and returns what an earlier one left undelivered.
func openStore(dir string, maxBytes int64) (*store, []*item, error) {
	if err := makeFolder(dir); err != nil {
		return nil, nil, fmt.Errorf("create outbox folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open outbox folder: %w", err)
	}
	s := &store{root: root, maxBytes: maxBytes, segments: make(map[string]*segment)}
	left, err := s.recover()
	if err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	return s, left, nil
}

// makeFolder creates the folder, durably, where it does not exist.
func makeFolder(dir string) error {
	const private = 0o700
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, private); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

func (s *store) recover() ([]*item, error) {
	const private = 0o600
	var err error
	if s.lock, err = s.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, private); err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	// The kernel gives the lock back however the process ends.
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("lock outbox folder, which another process may use: %w", err)
	}
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	var left []*item
	for _, name := range names {
		items, err := s.load(name)
		if err != nil {
			return nil, err
		}
		left = append(left, items...)
	}
	s.pending = len(left)
	return left, nil
}

// names lists the segments, oldest first, and removes progress without entries.
func (s *store) names() ([]string, error) {
	files, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list outbox folder: %w", err)
	}
	var names []string
	for _, f := range files {
		name, found := strings.CutSuffix(f.Name(), entriesSuffix)
		number, err := strconv.ParseUint(name, 16, 64)
		if !found || err != nil || segmentName(number) != name {
			continue
		}
		names = append(names, name)
		s.next = max(s.next, number+1)
	}
	for _, f := range files {
		if name, found := strings.CutSuffix(f.Name(), progressSuffix); found && !slices.Contains(names, name) {
			if err := s.root.Remove(f.Name()); err != nil {
				return nil, fmt.Errorf("remove left-over progress: %w", err)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func segmentName(number uint64) string { return fmt.Sprintf("%016x", number) }

// load opens a segment of an earlier process. It takes no new entries.
func (s *store) load(name string) ([]*item, error) {
	seg, err := openSegment(s.root, name)
	if err != nil {
		return nil, err
	}
	left, damaged, err := seg.replay()
	if err != nil {
		return nil, errors.Join(err, seg.close())
	}
	s.damaged = append(s.damaged, damaged...)
	if len(left) == 0 {
		return nil, seg.remove()
	}
	s.segments[name] = seg
	items := make([]*item, len(left))
	for i, e := range left {
		items[i] = &item{segment: seg, at: e.at, key: e.Key, targets: e.targets, routed: e.routed, done: e.done, left: len(e.targets) - len(e.done)}
	}
	return items, nil
}

// enter begins the taking of an entry, which ends with entering.Done.
func (s *store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing {
		return ErrClosed
	}
	s.entering.Add(1)
	return nil
}

// append returns when the entry is on the device.
func (s *store) append(e Entry) (*item, error) {
	record := encodeEntry(e)
	if len(record) > maxPayload {
		return nil, fmt.Errorf("entry of %d bytes is too large", len(record))
	}
	s.mu.Lock()
	seg, at, err := s.write(record)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := seg.flush(at.offset + int64(at.length)); err != nil {
		s.mu.Lock()
		if s.current == seg {
			s.current = nil
		}
		s.mu.Unlock()
		return nil, errors.Join(err, s.forget(seg))
	}
	return &item{segment: seg, at: at, key: e.Key}, nil
}

// write adds a record to the current segment. The caller holds the lock.
func (s *store) write(record []byte) (*segment, position, error) {
	if s.closed {
		return nil, position{}, ErrClosed
	}
	// First what may free room.
	if err := s.rotate(); err != nil {
		return nil, position{}, err
	}
	if s.pending >= maxEntries || s.bytes()+int64(len(record)) > s.maxBytes {
		return nil, position{}, ErrFull
	}
	at, err := s.current.append(record)
	if err == nil {
		s.pending++
	}
	return s.current, at, err
}

// rotate makes sure that there is a current segment with room. The caller holds the lock.
func (s *store) rotate() error {
	if old := s.current; old != nil {
		// What became of entries counts too: an entry with many targets has more of that than of itself.
		if old.bytes() < min(maxSegment, s.maxBytes/segmentShare) {
			return nil
		}
		s.current = nil
		if err := s.removeIfDone(old); err != nil {
			return err
		}
	}
	name := segmentName(s.next)
	s.next++
	seg, err := openSegment(s.root, name)
	if err != nil {
		return err
	}
	if err := s.flushFolder(); err != nil {
		return errors.Join(err, seg.remove())
	}
	s.current = seg
	s.segments[name] = seg
	return nil
}

// flushFolder makes new names durable.
func (s *store) flushFolder() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return fmt.Errorf("open outbox folder: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("flush outbox folder: %w", err)
	}
	return nil
}

// delivered counts a delivery of the entry and tells whether it was the last.
func (s *store) delivered(it *item) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	it.left--
	return it.left == 0
}

// forget ends an entry of the segment. A segment that takes no more entries goes with the last.
func (s *store) forget(seg *segment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.pending--
	s.pending--
	return s.removeIfDone(seg)
}

// removeIfDone removes a segment that is not the current one and has nothing left. The caller holds the lock.
func (s *store) removeIfDone(seg *segment) error {
	if s.closed || seg == s.current || seg.pending > 0 {
		return nil
	}
	delete(s.segments, seg.name)
	return seg.remove()
}

// usage returns the number of entries that wait and the bytes on disk.
func (s *store) usage() (entries int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending, s.bytes()
}

// bytes is the size of all files. The caller holds the lock.
func (s *store) bytes() int64 {
	var sum int64
	for _, seg := range s.segments {
		sum += seg.bytes()
	}
	return sum
}

// refuse takes no more entries.
func (s *store) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
}

// close gives the folder back. What is current and has nothing left is removed.
func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var errs []error
	if current := s.current; current != nil {
		s.current = nil
		errs = append(errs, s.removeIfDone(current))
	}
	s.refusing, s.closed = true, true
	for _, seg := range s.segments {
		errs = append(errs, seg.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(append(errs, s.root.Close())...)
}
