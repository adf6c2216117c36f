// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

const (
	entriesSuffix  = ".entries"
	progressSuffix = ".progress"
)

// segment is a file of entries and a file of what became of them.
type segment struct {
	root *os.Root
	name string

	entries, progress *os.File
	// size is how much of the file of entries counts. What a failed write left behind is cut off.
	size atomic.Int64
	// pending is the number of entries that are not yet delivered, guarded by the lock of the store.
	pending int

	// flushing is held while the device is written to. Who waits for it finds, most of the time, that the flush before covers him too.
	flushing sync.Mutex
	flushed  int64
	failed   error

	// recording guards the file of progress.
	recording    sync.Mutex
	progressSize int64
}

// openSegment opens the files of a segment, and creates them where they do not exist.
func openSegment(root *os.Root, name string) (*segment, error) {
	const private = 0o600 // events tell what runs in a cluster
	entries, err := root.OpenFile(name+entriesSuffix, os.O_RDWR|os.O_CREATE, private)
	if err != nil {
		return nil, fmt.Errorf("open entries: %w", err)
	}
	progress, err := root.OpenFile(name+progressSuffix, os.O_RDWR|os.O_CREATE, private)
	if err != nil {
		entries.Close()
		return nil, fmt.Errorf("open progress: %w", err)
	}
	return &segment{root: root, name: name, entries: entries, progress: progress}, nil
}

// position says where the record of an entry is. The offset is the name of the entry in its segment.
type position struct {
	offset int64
	length int
}

// put writes a record at the end of a file. What a write that fails leaves there is cut off: with a smaller record over it, the rest would look
// like damage.
func put(f *os.File, record []byte, end int64) error {
	if _, err := f.WriteAt(record, end); err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return nil
}

// append writes a record. The caller holds the lock of the store, and calls flush without it.
func (s *segment) append(record []byte) (position, error) {
	at := position{offset: s.size.Load(), length: len(record)}
	if err := put(s.entries, record, at.offset); err != nil {
		return position{}, fmt.Errorf("write entry: %w", err)
	}
	s.size.Add(int64(len(record)))
	s.pending++
	return at, nil
}

// flush returns when everything up to that size is on the device. After a failure the state of the file is unknown and the segment takes no
// more entries.
func (s *segment) flush(size int64) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if s.failed != nil || s.flushed >= size {
		return s.failed
	}
	size = s.size.Load()
	if err := s.entries.Sync(); err != nil {
		s.failed = fmt.Errorf("flush entries: %w", err)
		return s.failed
	}
	s.flushed = size
	return nil
}

// read returns an entry.
func (s *segment) read(at position) (Entry, error) {
	payload, err := readRecord(io.NewSectionReader(s.entries, at.offset, int64(at.length)), nil)
	if err != nil {
		return Entry{}, fmt.Errorf("read entry at %d of %s: %w", at.offset, s.name+entriesSuffix, err)
	}
	return decodeEntry(payload)
}

// note appends a record to the file of progress. It is not flushed: a kill does not lose it.
func (s *segment) note(record []byte) error {
	s.recording.Lock()
	defer s.recording.Unlock()
	if err := put(s.progress, record, s.progressSize); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	s.progressSize += int64(len(record))
	return nil
}

// bytes is what the segment takes on disk.
func (s *segment) bytes() int64 {
	s.recording.Lock()
	defer s.recording.Unlock()
	return s.size.Load() + s.progressSize
}

func (s *segment) close() error {
	return errors.Join(s.entries.Close(), s.progress.Close())
}

// remove deletes the files: first the entries, so that none can come back without its progress.
func (s *segment) remove() error {
	return errors.Join(s.close(), s.root.Remove(s.name+entriesSuffix), s.root.Remove(s.name+progressSuffix))
}
