// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// ErrContent says that a file did not have the length its source announced.
var ErrContent = errors.New("file content differs from its announced size")

// Previous is an archive whose members may be used again.
type Previous struct {
	// Index is what Write returned for it.
	Index *Index
	// File is the archive.
	File io.ReaderAt
}

// Stats tells how an archive came about.
type Stats struct {
	// Entries is the number of files and directories in the archive.
	Entries int
	// Members is the number of gzip members, of which Reused were copied.
	Members, Reused int
}

// Write archives src to w. Members of prev that fit are copied; prev may be nil. The index it returns
// describes the new archive.
func Write(ctx context.Context, w io.Writer, src Source, prev *Previous) (*Index, Stats, error) {
	aw := &writer{
		src:  src,
		prev: prev,
		out:  &counter{w: w, crc: crc32.New(castagnoli())},
		gz:   gzip.NewWriter(io.Discard),
		next: newIndex(),
	}
	if prev == nil {
		aw.prev = &Previous{Index: newIndex()}
	}
	aw.cancelled = ctx.Err
	if err := aw.run(ctx); err != nil {
		return nil, Stats{}, err
	}
	return aw.next, aw.stats, nil
}

// writer is the state of one Write.
type writer struct {
	src   Source
	prev  *Previous
	out   *counter
	gz    *gzip.Writer
	next  *Index
	group group
	stats Stats
	// cancelled returns why to stop, asked for at every piece of a file: one file may take long.
	cancelled func() error
}

// run writes all groups and the end-of-archive mark.
func (w *writer) run(ctx context.Context) error {
	if err := w.add(sized{Entry: Entry{Path: ".", Mode: Dir}}); err != nil {
		return err
	}
	for e, err := range w.src.Entries(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		size, err := w.size(e)
		if err != nil {
			return fmt.Errorf("size of %s: %w", e.Path, err)
		}
		if err := w.add(sized{Entry: e, size: size}); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.compress(func(tw *tar.Writer) error { return tw.Close() })
}

// size returns the length of a file, from the previous index where it is known.
func (w *writer) size(e Entry) (int64, error) {
	if e.Mode == Dir {
		return 0, nil
	}
	size, ok := w.prev.Index.sizes[e.ID]
	if !ok || e.ID == "" {
		var err error
		if size, err = w.src.Size(e); err != nil {
			return 0, err
		}
	}
	if e.ID != "" {
		w.next.sizes[e.ID] = size
	}
	return size, nil
}

// add puts an entry into the current group and writes the group if that ends it.
func (w *writer) add(e sized) error {
	w.stats.Entries++
	if !w.group.add(e) {
		return nil
	}
	return w.flush()
}

// flush writes the current group as a member.
func (w *writer) flush() error {
	if len(w.group.entries) == 0 {
		return nil
	}
	defer w.group.reset()
	id, known := w.group.key()
	start := w.out.n
	w.out.crc.Reset()
	copied, err := w.reuse(id, known)
	if err != nil {
		return err
	}
	if !copied {
		if err := w.compress(w.writeGroup); err != nil {
			return err
		}
	}
	if known {
		w.next.members[id] = member{offset: start, length: w.out.n - start, crc: w.out.crc.Sum32()}
	}
	return nil
}

// reuse copies the member called id from the previous archive and reports whether it did. A member
// whose bytes are not what the index says is left alone, to be compressed again.
func (w *writer) reuse(id key, known bool) (bool, error) {
	m, ok := w.prev.Index.members[id]
	if !known || !ok {
		return false, nil
	}
	section := io.NewSectionReader(w.prev.File, m.offset, m.length)
	sum := crc32.New(castagnoli())
	if n, err := io.Copy(sum, section); err != nil || n != m.length || sum.Sum32() != m.crc {
		return false, nil //nolint:nilerr // an unreadable previous archive only costs the shortcut
	}
	if _, err := section.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	if _, err := io.Copy(w.out, section); err != nil {
		return false, err
	}
	w.stats.Members++
	w.stats.Reused++
	return true, nil
}

// compress writes one member with what fill puts into it.
func (w *writer) compress(fill func(*tar.Writer) error) error {
	w.gz.Reset(w.out)
	if err := fill(tar.NewWriter(w.gz)); err != nil {
		return err
	}
	w.stats.Members++
	return w.gz.Close()
}

// writeGroup writes the entries of the current group.
func (w *writer) writeGroup(tw *tar.Writer) error {
	for _, e := range w.group.entries {
		if err := w.writeEntry(tw, e); err != nil {
			return fmt.Errorf("archive %s: %w", e.Path, err)
		}
	}
	return tw.Flush()
}

// writeEntry writes one entry.
func (w *writer) writeEntry(tw *tar.Writer, e sized) (err error) {
	if err := tw.WriteHeader(e.header(e.size)); err != nil {
		return err
	}
	if e.Mode == Dir {
		return nil
	}
	r, err := w.src.Open(e.Entry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	n, err := io.Copy(tw, stoppable{r: r, cancelled: w.cancelled})
	if errors.Is(err, tar.ErrWriteTooLong) || (err == nil && n != e.size) {
		return ErrContent
	}
	return err
}

// stoppable is a reader that ends with an error once cancelled returns one.
type stoppable struct {
	r         io.Reader
	cancelled func() error
}

// Read implements io.Reader.
func (s stoppable) Read(p []byte) (int, error) {
	if err := s.cancelled(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// counter counts and sums what goes to w.
type counter struct {
	w   io.Writer
	crc hash.Hash32
	n   int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	_, _ = c.crc.Write(p[:n])
	return n, err
}

// castagnoli is the polynomial with hardware support; crc32 caches the table.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
