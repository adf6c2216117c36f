// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// ErrIndex says that bytes are not an index, or no longer.
var ErrIndex = errors.New("malformed archive index")

const (
	// indexMagic starts an encoded index and names its version.
	indexMagic = "weir archive index 1\n"
	// memberBytes is the size of an encoded member: key, offset, length, checksum.
	memberBytes = len(key{}) + 8 + 8 + 4
)

// member is a stretch of an archive.
type member struct {
	offset, length int64
	crc            uint32
}

// Index tells which member of an archive holds which group of entries, and how long each content is.
type Index struct {
	members map[key]member
	// sizes of file contents in bytes by entry ID; they spare asking the source.
	sizes map[string]int64
}

func newIndex() *Index {
	return &Index{members: map[key]member{}, sizes: map[string]int64{}}
}

// Encode returns the index as bytes: a header, the members, the sizes and a checksum over all of it.
// subject is the caller's name for the archive, given back by DecodeIndex.
func (x *Index) Encode(subject string) []byte {
	b := make([]byte, 0, len(indexMagic)+len(subject)+len(x.members)*memberBytes+len(x.sizes)*24+32)
	b = append(b, indexMagic...)
	b = appendText(b, subject)
	b = binary.AppendUvarint(b, uint64(len(x.members)))
	byOffset := func(a, b key) int { return cmp.Compare(x.members[a].offset, x.members[b].offset) }
	for _, id := range slices.SortedFunc(maps.Keys(x.members), byOffset) {
		m := x.members[id]
		b = append(b, id[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(m.offset)) //nolint:gosec // offsets in a file are not negative
		b = binary.BigEndian.AppendUint64(b, uint64(m.length)) //nolint:gosec // nor are lengths
		b = binary.BigEndian.AppendUint32(b, m.crc)
	}
	b = binary.AppendUvarint(b, uint64(len(x.sizes)))
	for _, id := range slices.Sorted(maps.Keys(x.sizes)) {
		b = appendText(b, id)
		b = binary.AppendUvarint(b, uint64(x.sizes[id])) //nolint:gosec // nor are sizes
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// DecodeIndex reads what Encode returned, and the subject given to it. Whatever is wrong with b, the
// answer is ErrIndex and the caller goes on without.
func DecodeIndex(b []byte) (*Index, string, error) {
	if len(b) < len(indexMagic)+4 || !bytes.HasPrefix(b, []byte(indexMagic)) {
		return nil, "", fmt.Errorf("%w: header", ErrIndex)
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli()) != sum {
		return nil, "", fmt.Errorf("%w: checksum", ErrIndex)
	}
	d := &indexDecoder{rest: body[len(indexMagic):]}
	subject := d.text()
	x := newIndex()
	for range d.count(memberBytes) {
		id, m := d.member()
		x.members[id] = m
	}
	for range d.count(2) {
		id := d.text()
		x.sizes[id] = d.number()
	}
	if d.bad || len(d.rest) != 0 {
		return nil, "", fmt.Errorf("%w: length", ErrIndex)
	}
	return x, subject, nil
}

// indexDecoder takes fields off the front of rest and remembers when one was not there.
type indexDecoder struct {
	rest []byte
	bad  bool
}

// take returns the next n bytes; after the end of input these are zeros.
func (d *indexDecoder) take(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return make([]byte, min(max(n, 0), memberBytes))
	}
	field := d.rest[:n]
	d.rest = d.rest[n:]
	return field
}

func (d *indexDecoder) number() int64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > 1<<62 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return int64(v)
}

// count reads the number of items that follow and refuses one that the rest cannot hold.
func (d *indexDecoder) count(itemBytes int) int64 {
	n := d.number()
	if n > int64(len(d.rest)/itemBytes) {
		d.bad, d.rest = true, nil
		return 0
	}
	return n
}

func (d *indexDecoder) text() string {
	n := d.number()
	if n > int64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return ""
	}
	return string(d.take(int(n)))
}

func (d *indexDecoder) member() (key, member) {
	b := d.take(memberBytes)
	n := len(key{})
	offset, length := binary.BigEndian.Uint64(b[n:]), binary.BigEndian.Uint64(b[n+8:])
	if offset > 1<<62 || length > 1<<62 {
		d.bad = true
		return key{}, member{}
	}
	return key(b[:n]), member{
		offset: int64(offset),
		length: int64(length),
		crc:    binary.BigEndian.Uint32(b[n+16:]),
	}
}
