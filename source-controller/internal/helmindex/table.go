// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/weir-gitops/weir/kit/helmchart"
)

// The table: a magic word, the versions of each chart, a directory of the charts, and at the end where the directory is.
//
//	versions   version, URL and name of each, as texts, newest first
//	directory  the subject; name, offset, length and checksum of each chart's versions, in the order of names
//	footer     offset, length and checksum of the directory, the magic word again
const (
	magic       = "WEIRHIX1"
	footerBytes = 8 + 8 + 4 + len(magic)
	// maxTextBytes bounds a text in a table; URLs are the longest.
	maxTextBytes = 64 << 10
)

var (
	// ErrTable says that a table is damaged, or is none. It can be made again from the index.
	ErrTable = errors.New("damaged table of charts")
	// ErrNoChart says that an index has no chart of that name.
	ErrNoChart = errors.New("no such chart in the index")
	// ErrNoVersion says that a chart has no version of the kind that was asked for.
	ErrNoVersion = errors.New("no such version in the index")
)

// Entry is a version of a chart.
type Entry struct {
	// Version is as the index has it.
	Version string
	// URL is where the archive is, relative to the repository or absolute; empty if the index names none.
	URL string
	// Name is that of the chart, which need not be the one that it is listed under.
	Name string
}

// place is where something is in a file.
type place struct {
	offset, length int64
	sum            uint32
}

// Table finds the versions of a chart in a file that Compiled.WriteTable wrote.
type Table struct {
	file io.ReaderAt
	at   place // of the directory
	// Subject is what the table was said to be of when it was written.
	Subject string
}

// OpenTable reads the end of the file and the subject.
func OpenTable(file io.ReaderAt, size int64) (*Table, error) {
	footer := make([]byte, footerBytes)
	if size < int64(footerBytes) {
		return nil, ErrTable
	}
	if _, err := file.ReadAt(footer, size-int64(footerBytes)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTable, err)
	}
	offset, length := binary.BigEndian.Uint64(footer), binary.BigEndian.Uint64(footer[8:])
	if string(footer[20:]) != magic || offset > math.MaxInt64 || length > math.MaxInt64 || offset+length != uint64(size)-uint64(footerBytes) {
		return nil, ErrTable
	}
	t := &Table{file: file, at: place{offset: int64(offset), length: int64(length), sum: binary.BigEndian.Uint32(footer[16:])}}
	directory := t.section(t.at)
	t.Subject = directory.text()
	return t, directory.err
}

// Find returns the version of a chart that is wanted: the one of exactly that text, or else the newest that satisfies it as a constraint.
// Flux: source-controller contract, "Version selection and metadata".
func (t *Table) Find(name, wanted string) (Entry, error) {
	at, err := t.chart(name)
	if err != nil {
		return Entry{}, err
	}
	found, ok, err := t.first(at, func(version string) bool { return version == wanted })
	if ok || err != nil {
		return found, err
	}
	constraint, err := helmchart.ParseConstraint(wanted)
	if err != nil {
		return Entry{}, err
	}
	found, ok, err = t.first(at, constraint.Allows)
	if !ok && err == nil {
		err = fmt.Errorf("%w: chart %q, version %q", ErrNoVersion, name, wanted)
	}
	return found, err
}

// chart looks a chart up in the directory, all of which is read so that its checksum can tell.
func (t *Table) chart(name string) (place, error) {
	directory := t.section(t.at)
	directory.text() // the subject
	var at place
	found := false
	for directory.more() {
		entry := directory.text()
		p := place{offset: directory.number(), length: directory.number()}
		sum := directory.number()
		if sum > math.MaxUint32 {
			directory.fail(nil)
		}
		p.sum = uint32(sum & math.MaxUint32)
		if directory.err == nil && entry == name {
			at, found = p, true
		}
	}
	if err := directory.end(); err != nil {
		return place{}, err
	}
	if !found {
		return place{}, fmt.Errorf("%w: %q", ErrNoChart, name)
	}
	return at, nil
}

// first returns the first version that is wanted. The rest is read for the checksum.
func (t *Table) first(at place, wanted func(version string) bool) (Entry, bool, error) {
	if at.offset+at.length > t.at.offset {
		return Entry{}, false, ErrTable
	}
	var entry Entry
	found := false
	versions := t.section(at)
	for versions.more() {
		e := Entry{Version: versions.text(), URL: versions.text(), Name: versions.text()}
		if versions.err == nil && !found && wanted(e.Version) {
			entry, found = e, true
		}
	}
	return entry, found, versions.end()
}

// section reads a part of the table.
func (t *Table) section(at place) *section {
	sum := crc32.NewIEEE()
	return &section{want: at.sum, sum: sum.Sum32, r: bufio.NewReader(io.TeeReader(io.NewSectionReader(t.file, at.offset, at.length), sum))}
}

// section is a part of a table. After an error all it reads is empty.
type section struct {
	r    *bufio.Reader
	sum  func() uint32
	want uint32
	err  error
}

func (s *section) more() bool {
	if s.err != nil {
		return false
	}
	_, err := s.r.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("read table of charts: %w", err)
	}
	return err == nil
}

func (s *section) number() int64 {
	n, err := binary.ReadUvarint(s.r)
	if err != nil || n > math.MaxInt64/2 {
		s.fail(err)
		return 0
	}
	return int64(n)
}

func (s *section) text() string {
	n := s.number()
	if n > maxTextBytes {
		s.fail(nil)
	}
	if s.err != nil || n == 0 {
		return ""
	}
	content := make([]byte, n)
	if _, err := io.ReadFull(s.r, content); err != nil {
		s.fail(err)
		return ""
	}
	return string(content)
}

func (s *section) fail(err error) {
	if s.err == nil {
		s.err = ErrTable
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = fmt.Errorf("%w: %w", ErrTable, err)
	}
}

// end reports what went wrong, or that the content is not what was written.
func (s *section) end() error {
	if s.err == nil && s.sum() != s.want {
		s.err = ErrTable
	}
	return s.err
}
