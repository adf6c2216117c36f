// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/weir-gitops/weir/kit/helmchart"
)

// errLayout says that an index cannot be cut into versions.
var errLayout = errors.New("layout of the index is not understood")

// entriesKey is the key of the charts in an index.
const entriesKey = "entries"

// cutter cuts a YAML index into versions.
type cutter struct {
	sink sink
	// head are the lines that belong to no chart.
	head []byte
	// piece are the lines of what is being read of the charts: the key of one, or one version.
	piece []byte
	// inside says that the lines are below the key entries.
	inside bool
	// started says that a line with content was seen.
	started bool
	// charts is the indentation of the names of charts, items that of the versions of the present chart; -1 until known.
	charts, items int
}

// cutYAML reads an index in block style.
func cutYAML(ctx context.Context, r io.Reader, s sink) error {
	c := &cutter{sink: s, charts: -1, items: -1}
	lines := bufio.NewReaderSize(r, readBytes)
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		line, err := readLine(lines)
		if len(line) > 0 {
			if err := c.take(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return c.finish()
		}
		if err != nil {
			return err
		}
	}
}

// readLine returns the next line with its end; it is valid until the next call.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.ReadSlice('\n')
		if long = append(long, line...); len(long) > maxPieceBytes {
			return nil, fmt.Errorf("line of more than %d bytes: %w", maxPieceBytes, errLayout)
		}
	}
	return long, err
}

// take looks at one line.
func (c *cutter) take(line []byte) error {
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	rest := bytes.TrimRight(line[indent:], " \t\r\n")
	switch {
	case len(rest) == 0, rest[0] == '#':
		// It may be content of a text over several lines, so that it stays with what it is in.
		return c.keep(line)
	case rest[0] == '\t', !c.started && rest[0] >= 0x80:
		// Indentation that counts differently, or another encoding.
		return errLayout
	}
	first := !c.started
	c.started = true
	if indent == 0 {
		return c.takeTop(line, rest, first)
	}
	if !c.inside {
		return c.keep(line)
	}
	return c.takeEntry(line, rest, indent)
}

// takeTop looks at a line without indentation.
func (c *cutter) takeTop(line, rest []byte, first bool) error {
	switch {
	case first && bytes.Equal(rest, []byte("---")):
		return nil
	case bytes.HasPrefix(rest, []byte("---")), bytes.HasPrefix(rest, []byte("...")), rest[0] == '%':
		return errLayout
	case isItem(rest) && !c.inside:
		return c.keep(line)
	case isItem(rest):
		return errLayout
	}
	if err := c.flush(); err != nil {
		return err
	}
	after, isEntries := bytes.CutPrefix(rest, []byte(entriesKey+":"))
	value := bytes.TrimLeft(after, " \t")
	// A note needs space before it.
	c.inside = isEntries && (len(value) == 0 || value[0] == '#' && len(value) < len(after))
	if !c.inside {
		return c.keep(line)
	}
	// What comes before has to be complete, or the key is a part of some text.
	if _, err := helmchart.ParseIndex(c.head); err != nil {
		return err
	}
	// The key goes with the others, so that the parser finds it when it is repeated.
	return c.keepHead([]byte(entriesKey + ":\n"))
}

// takeEntry looks at an indented line below the key entries.
func (c *cutter) takeEntry(line, rest []byte, indent int) error {
	if c.charts < 0 {
		c.charts = indent
	}
	item := isItem(rest)
	switch {
	case indent < c.charts:
		return errLayout
	case indent == c.charts && !item: // the name of a chart
		if err := c.flush(); err != nil {
			return err
		}
		c.items = -1
		return c.keep(line)
	case len(c.piece) == 0:
		return errLayout
	case c.items < 0 && item: // the first version
		if err := c.flushKey(); err != nil {
			return err
		}
		c.items = indent
		return c.keep(line)
	case c.items >= 0 && indent == c.items && item: // another version
		if err := c.flush(); err != nil {
			return err
		}
		return c.keep(line)
	case c.items >= 0 && indent <= c.items:
		return errLayout
	}
	return c.keep(line)
}

// isItem reports whether a line without its indentation starts an item of a list.
func isItem(rest []byte) bool {
	return rest[0] == '-' && (len(rest) == 1 || rest[1] == ' ' || rest[1] == '\t')
}

// keep adds a line to what is being read.
func (c *cutter) keep(line []byte) error {
	if !c.inside {
		return c.keepHead(line)
	}
	if len(c.piece) == 0 && len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	if c.piece = append(c.piece, line...); len(c.piece) > maxPieceBytes {
		return fmt.Errorf("entry of more than %d bytes: %w", maxPieceBytes, errLayout)
	}
	return nil
}

func (c *cutter) keepHead(line []byte) error {
	if c.head = append(c.head, line...); len(c.head) > maxPieceBytes {
		return fmt.Errorf("more than %d bytes beside the charts: %w", maxPieceBytes, errLayout)
	}
	return nil
}

// flushKey ends the lines of a chart's name, which its versions follow.
func (c *cutter) flushKey() error {
	entries, err := helmchart.ParseIndexEntries(c.piece)
	if err != nil {
		return err
	}
	c.piece = c.piece[:0]
	for name, versions := range entries {
		if len(entries) != 1 || versions != nil {
			return errLayout
		}
		return c.sink.chart(name, true)
	}
	return errLayout
}

// flush ends a version, or a chart whose versions do not follow line by line.
func (c *cutter) flush() error {
	if len(bytes.TrimSpace(c.piece)) == 0 {
		return nil
	}
	defer func() { c.piece = c.piece[:0] }()
	if c.items < 0 {
		entries, err := helmchart.ParseIndexEntries(c.piece)
		if err != nil {
			return err
		}
		return addAll(c.sink, entries, true)
	}
	versions, err := helmchart.ParseIndexVersions(c.piece)
	if err != nil {
		return err
	}
	return addVersions(c.sink, versions)
}

// finish ends the index.
func (c *cutter) finish() error {
	if err := c.flush(); err != nil {
		return err
	}
	index, err := helmchart.ParseIndex(c.head)
	if err != nil {
		return err
	}
	return addIndex(c.sink, index)
}
