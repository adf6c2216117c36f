// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"bufio"
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
	// readBuffer is how much is read at once when a segment is opened again.
	readBuffer = 256 << 10
)

// segment is a file of entries and a file of what became of them.
type segment struct {
	root *os.Root
	name string

	entries, progress *os.File
	// size is how much of the file of entries counts. What a failed write left behind is after it, and overwritten by the next.
	size atomic.Int64
	// count is the number of entries ever written, pending of those that are not yet delivered. Both are guarded by the lock of the store.
	count   uint64
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

// position says where the record of an entry is.
type position struct {
	offset int64
	length int
	// number is that of the entry in its segment.
	number uint64
}

// append writes a record. The caller holds the lock of the store, and calls flush without it.
func (s *segment) append(record []byte) (position, error) {
	at := position{offset: s.size.Load(), length: len(record), number: s.count}
	if _, err := s.entries.WriteAt(record, at.offset); err != nil {
		return position{}, fmt.Errorf("write entry: %w", err)
	}
	s.size.Add(int64(len(record)))
	s.count++
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
		return Entry{}, fmt.Errorf("read entry %d of segment %s: %w", at.number, s.name, err)
	}
	return decodeEntry(payload)
}

// note appends a record to the file of progress. It is not flushed: a kill does not lose it.
func (s *segment) note(record []byte) error {
	s.recording.Lock()
	defer s.recording.Unlock()
	if _, err := s.progress.WriteAt(record, s.progressSize); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	s.progressSize += int64(len(record))
	return nil
}

// open is an entry that an earlier process left undelivered.
type open struct {
	Entry
	at      position
	targets []Target
	routed  bool
	// done are the numbers of the targets that have it.
	done map[uint64]bool
}

// replay reads both files and returns the entries that are not delivered, without their bodies, in their order.
func (s *segment) replay() ([]*open, error) {
	all, err := s.replayEntries()
	if err != nil {
		return nil, err
	}
	if err := s.replayProgress(all); err != nil {
		return nil, err
	}
	var left []*open
	for _, e := range all {
		if !e.routed || len(e.done) < len(e.targets) {
			left = append(left, e)
		}
	}
	s.pending = len(left)
	return left, nil
}

func (s *segment) replayEntries() ([]*open, error) {
	var all []*open
	offset, err := eachRecord(s.entries, func(payload []byte, at position) error {
		e, err := decodeEntry(payload)
		if err != nil {
			return err
		}
		e.Body = nil
		all = append(all, &open{Entry: e, at: at, done: make(map[uint64]bool)})
		return nil
	})
	s.size.Store(offset)
	s.flushed, s.count = offset, uint64(len(all))
	return all, err
}

func (s *segment) replayProgress(all []*open) error {
	offset, err := eachRecord(s.progress, func(payload []byte, _ position) error {
		p, err := decodeProgress(payload)
		if err != nil || p.entry >= uint64(len(all)) {
			return err // progress of an entry that did not reach the device
		}
		e := all[p.entry]
		switch {
		case p.kind == kindRouted:
			e.routed, e.targets = true, p.targets
		case p.target < uint64(len(e.targets)):
			e.done[p.target] = true
		}
		return nil
	})
	s.progressSize = offset
	if err != nil {
		return err
	}
	// What is behind a torn record must not come back when the next one fills its place.
	if err := s.progress.Truncate(offset); err != nil {
		return fmt.Errorf("cut torn progress: %w", err)
	}
	return nil
}

// eachRecord calls visit for every whole record and returns where they end. A torn record ends the file; one that visit does not understand is
// treated alike, as nothing after it can be trusted.
func eachRecord(f *os.File, visit func(payload []byte, at position) error) (int64, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), readBuffer)
	var at position
	var buf []byte
	for {
		payload, err := readRecord(r, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return at.offset, nil
		}
		if err != nil {
			return at.offset, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		at.length = headerBytes + len(payload)
		if err := visit(payload, at); err != nil {
			return at.offset, nil //nolint:nilerr // as said above
		}
		at.offset += int64(at.length)
		at.number++
		buf = payload[:0]
	}
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
