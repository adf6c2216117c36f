// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/helmchart"
)

// errSpool says that a temporary file is to blame.
var errSpool = errors.New("keep index")

// Compiled is an index that was read. What it says of each version is in a temporary file; in memory is where.
type Compiled struct {
	head   helmchart.Index
	charts map[string][]spooled

	spool  *os.File
	w      *bufio.Writer
	offset int64

	// name and versions are those of the chart that is being read.
	name     string
	open     bool
	versions []sortable

	// size is that of the index; left and leftCharts are how many versions and charts may still come.
	size, left, leftCharts int64
}

// spooled is a version in the temporary file: its JSON, and after it its entry in the table.
type spooled struct {
	offset      int64
	json, entry int32
}

// sortable is a version with what decides about its place.
type sortable struct {
	spooled

	order   helmchart.Order
	created int64
}

func newCompiled(dir string, size int64) (*Compiled, error) {
	spool, err := store.Anonymous(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	c := &Compiled{size: size, spool: spool, w: bufio.NewWriterSize(spool, readBytes)}
	c.reset()
	return c, nil
}

// Close removes the temporary file.
func (c *Compiled) Close() error { return c.spool.Close() }

// reset forgets all that was read. The temporary file just grows.
func (c *Compiled) reset() {
	c.charts, c.head, c.open, c.versions = map[string][]spooled{}, helmchart.Index{}, false, nil
	c.left, c.leftCharts = max(minEntries, c.size/bytesPerVersion), max(minEntries, c.size/bytesPerChart)
}

// chart implements sink.
func (c *Compiled) chart(name string, once bool) error {
	if err := c.endChart(); err != nil {
		return err
	}
	if _, ok := c.charts[name]; ok && once {
		return fmt.Errorf("%w: chart %q is listed twice", ErrIndex, name)
	}
	if len(name) > maxTextBytes {
		return fmt.Errorf("name of a chart of more than %d bytes: %w", maxTextBytes, helmchart.ErrLimit)
	}
	if c.leftCharts--; c.leftCharts < 0 {
		return fmt.Errorf("too many charts for the size of the index: %w", helmchart.ErrLimit)
	}
	c.name, c.open, c.versions = name, true, c.versions[:0]
	return nil
}

// version implements sink.
func (c *Compiled) version(v *helmchart.IndexVersion) error {
	if c.left--; c.left < 0 {
		return fmt.Errorf("too many versions for the size of the index: %w", helmchart.ErrLimit)
	}
	content, err := json.MarshalIndent(v, "      ", "  ")
	if err != nil {
		return err
	}
	url := ""
	if len(v.URLs) > 0 {
		url = v.URLs[0]
	}
	if max(len(v.Version), len(url), len(v.Name)) > maxTextBytes {
		return fmt.Errorf("version, URL or name of more than %d bytes: %w", maxTextBytes, helmchart.ErrLimit)
	}
	entry := appendText(appendText(appendText(nil, v.Version), url), v.Name)
	at := spooled{offset: c.offset, json: int32(len(content)), entry: int32(len(entry))} //nolint:gosec // both were made of at most a few MiB
	for _, part := range [][]byte{content, entry} {
		n, err := c.w.Write(part)
		if c.offset += int64(n); err != nil {
			return fmt.Errorf("%w: %w", errSpool, err)
		}
	}
	c.versions = append(c.versions, sortable{spooled: at, order: helmchart.OrderOf(v.Version), created: v.Created.UnixMilli()})
	return nil
}

// rest implements sink.
func (c *Compiled) rest(index *helmchart.Index) error {
	c.head = *index
	return nil
}

// endChart puts the versions of the chart that was read into order: newest first, by creation where versions are equal.
func (c *Compiled) endChart() error {
	if !c.open {
		return nil
	}
	slices.SortStableFunc(c.versions, func(a, b sortable) int {
		if n := b.order.Compare(a.order); n != 0 {
			return n
		}
		return int(max(-1, min(1, b.created-a.created)))
	})
	versions := make([]spooled, len(c.versions))
	for i, v := range c.versions {
		versions[i] = v.spooled
	}
	c.charts[c.name] = versions
	c.open = false
	return nil
}

// Len returns the number of charts.
func (c *Compiled) Len() int { return len(c.charts) }

// readBack returns the JSON and the table entry of a version in buf.
func (c *Compiled) readBack(at spooled, buf []byte) (content, entry, _ []byte, err error) {
	n := int(at.json) + int(at.entry)
	buf = slices.Grow(buf[:0], n)[:n]
	if _, err := c.spool.ReadAt(buf, at.offset); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	return buf[:at.json], buf[at.json:], buf, nil
}

// WriteJSON writes the index as indented JSON, charts by name and versions newest first.
func (c *Compiled) WriteJSON(to io.Writer) error {
	if err := c.w.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	before, after, err := c.frame()
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(to, readBytes)
	_, _ = w.Write(before) // an error stays in w and comes back from Flush
	var buf []byte
	for i, name := range slices.Sorted(maps.Keys(c.charts)) {
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		separate(w, i, "\n    ")
		_, _ = fmt.Fprintf(w, "%s: [", key)
		for j, at := range c.charts[name] {
			var content []byte
			if content, _, buf, err = c.readBack(at, buf); err != nil {
				return err
			}
			separate(w, j, "\n      ")
			_, _ = w.Write(content)
		}
		if len(c.charts[name]) > 0 {
			_, _ = w.WriteString("\n    ")
		}
		_ = w.WriteByte(']')
	}
	if len(c.charts) > 0 {
		_, _ = w.WriteString("\n  ")
	}
	_, _ = w.Write(after)
	return w.Flush()
}

// separate writes what comes before the item at i.
func separate(w *bufio.Writer, i int, space string) {
	if i > 0 {
		_ = w.WriteByte(',')
	}
	_, _ = w.WriteString(space)
}

// frame is the JSON of the index before and after the charts.
func (c *Compiled) frame() (before, after []byte, err error) {
	content, err := json.MarshalIndent(struct {
		helmchart.Index

		Entries *struct{} `json:"entries,omitempty"` // leaves out that of Index
	}{Index: c.head}, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	end := []byte("\n}")
	return append(bytes.TrimSuffix(content, end), ",\n  \"entries\": {"...), append([]byte("}"), end...), nil
}

// WriteTable writes the table of the versions. subject is given back by Table.Subject.
func (c *Compiled) WriteTable(to io.Writer, subject string) error {
	if err := c.w.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	w := bufio.NewWriterSize(to, readBytes)
	directory := appendText(nil, subject)
	var offset int64
	var buf, entry []byte
	for _, name := range slices.Sorted(maps.Keys(c.charts)) {
		at := place{offset: offset}
		for _, version := range c.charts[name] {
			var err error
			if _, entry, buf, err = c.readBack(version, buf); err != nil {
				return err
			}
			at.length += int64(len(entry))
			at.sum = crc32.Update(at.sum, crc32.IEEETable, entry)
			_, _ = w.Write(entry) // an error stays in w and comes back from Flush
		}
		offset += at.length
		directory = appendText(directory, name)
		for _, n := range []int64{at.offset, at.length, int64(at.sum)} {
			directory = binary.AppendUvarint(directory, uint64(n)) //nolint:gosec // none is negative
		}
	}
	_, _ = w.Write(directory)
	footer := binary.BigEndian.AppendUint64(nil, uint64(offset))
	footer = binary.BigEndian.AppendUint64(footer, uint64(len(directory)))
	footer = binary.BigEndian.AppendUint32(footer, crc32.ChecksumIEEE(directory))
	_, _ = w.Write(append(footer, magic...))
	return w.Flush()
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}
