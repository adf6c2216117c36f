// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// readBuffer is how much is read at once when a segment is opened again.
	readBuffer = 256 << 10
	// maxSalvage bounds how much of a file is looked through behind a damaged place: a file of entries is never larger.
	maxSalvage = maxSegment + headerBytes + maxPayload
	// maxSummed bounds the bytes whose checksum is computed to find the next entry, about a tenth of a second: what looks like the header of a
	// large entry may be at every byte.
	maxSummed = 1 << 30
)

// open is an entry that an earlier process left undelivered.
type open struct {
	Entry
	at      position
	targets []Target
	routed  bool
	// done are the numbers of the targets that have it.
	done map[uint64]bool
}

// damage is a place in a file that holds nothing that this package wrote, though it should: the disk lost or changed it. What a kill leaves at
// the end of a file is none.
type damage struct {
	file          string
	offset, bytes int64
}

// replay is what the files of a segment say.
type replay struct {
	entries []*open
	// byOffset finds an entry. byNumber finds it by the number that earlier versions gave it, from 0; it ends at the first damaged place, where
	// nobody can tell how many are missing.
	byOffset map[int64]*open
	byNumber []*open
	damaged  []damage
}

// replay reads both files. It returns the entries that are not delivered, without their bodies, in their order, and what is damaged.
func (s *segment) replay() ([]*open, []damage, error) {
	r := &replay{byOffset: make(map[int64]*open)}
	if err := r.readEntries(s); err != nil {
		return nil, nil, err
	}
	if err := r.readProgress(s); err != nil {
		return nil, nil, err
	}
	var left []*open
	for _, e := range r.entries {
		if !e.routed || len(e.done) < len(e.targets) {
			left = append(left, e)
		}
	}
	s.pending = len(left)
	return left, r.damaged, nil
}

// keep takes the payload of an entry.
func (r *replay) keep(payload []byte, at position) error {
	e, err := decodeEntry(payload)
	if err != nil {
		return err
	}
	e.Body = nil
	found := &open{Entry: e, at: at, done: make(map[uint64]bool)}
	r.entries = append(r.entries, found)
	r.byOffset[at.offset] = found
	return nil
}

// readEntries reads the file of entries, those behind damaged places too.
func (r *replay) readEntries(s *segment) error {
	end, err := eachRecord(s.entries, r.keep)
	if err != nil {
		return err
	}
	r.byNumber = r.entries
	rest, err := restOf(s.entries, end)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		end = r.salvage(rest, end, s.name+entriesSuffix)
	}
	s.size.Store(end)
	s.flushed = end
	return nil
}

// salvage finds entries in what comes behind the first place that holds none, which begins at that offset of the file. It returns where the last
// entry ends.
func (r *replay) salvage(rest []byte, offset int64, file string) (end int64) {
	end = offset
	summed := 0
	for from := 0; from < len(rest); {
		at, payload := nextEntry(rest, from, &summed)
		if at > from && (payload != nil || !torn(rest[from:])) {
			r.damaged = append(r.damaged, damage{file: file, offset: offset + int64(from), bytes: int64(at - from)})
		}
		if payload == nil {
			break
		}
		from = at + headerBytes + len(payload)
		// nextEntry has seen that it can be decoded.
		_ = r.keep(payload, position{offset: offset + int64(at), length: headerBytes + len(payload)})
		end = offset + int64(from)
	}
	return end
}

// nextEntry returns the first entry in data from that index on, or the length of data and nil. A checksum that is right is no accident, so an
// entry is one wherever it is found.
func nextEntry(data []byte, from int, summed *int) (at int, payload []byte) {
	for at = from; at+headerBytes < len(data); at++ {
		size := binary.LittleEndian.Uint32(data[at:])
		if size > maxPayload || at+headerBytes+int(size) > len(data) {
			continue
		}
		payload = data[at+headerBytes:][:size]
		if _, err := decodeEntry(payload); err != nil {
			continue
		}
		if *summed += len(payload); *summed > maxSummed {
			break
		}
		if checksum(payload) == binary.LittleEndian.Uint32(data[at+4:]) {
			return at, payload
		}
	}
	return len(data), nil
}

// torn reports whether data, the end of a file, is the beginning of a record, as a kill leaves it behind.
func torn(data []byte) bool {
	if len(data) < headerBytes {
		return true
	}
	size := binary.LittleEndian.Uint32(data)
	return size <= maxPayload && headerBytes+int(size) > len(data)
}

// readProgress reads the file of what became of entries. It ends at the first damaged place: what is behind it is repeated.
func (r *replay) readProgress(s *segment) error {
	end, err := eachRecord(s.progress, func(payload []byte, _ position) error {
		p, err := decodeProgress(payload)
		if err != nil {
			return err
		}
		r.apply(p)
		return nil
	})
	if err != nil {
		return err
	}
	rest, err := restOf(s.progress, end)
	if err != nil {
		return err
	}
	if !torn(rest) {
		r.damaged = append(r.damaged, damage{file: s.name + progressSuffix, offset: end, bytes: int64(len(rest))})
	}
	s.progressSize = end
	// What is behind a torn record must not come back when the next one fills its place.
	if err := s.progress.Truncate(end); err != nil {
		return fmt.Errorf("cut torn progress: %w", err)
	}
	return nil
}

// apply notes what became of an entry. That of one which did not reach the device, or was lost with it, says nothing.
func (r *replay) apply(p progress) {
	e := r.byOffset[p.offset]
	if p.numbered {
		e = nil
		if p.offset < int64(len(r.byNumber)) {
			e = r.byNumber[p.offset]
		}
	}
	switch {
	case e == nil:
	case p.routed:
		e.routed, e.targets = true, p.targets
	case p.target < uint64(len(e.targets)):
		e.done[p.target] = true
	}
}

// eachRecord calls visit for every record until one is torn or visit does not understand it, and returns where that begins.
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
		buf = payload[:0]
	}
}

// restOf reads what a file holds from the offset on, up to maxSalvage.
func restOf(f *os.File, offset int64) ([]byte, error) {
	rest, err := io.ReadAll(io.NewSectionReader(f, offset, maxSalvage))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return rest, nil
}
