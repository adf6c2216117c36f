// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/weir-gitops/weir/kit/helmchart"
)

const (
	// readBytes is read from the index at a time.
	readBytes = 64 << 10
	// maxPieceBytes bounds one version of a chart, and all that is no chart. Versions have a few KiB, with long annotations some tens.
	maxPieceBytes = 1 << 20
	// maxWholeBytes bounds an index that is read as a whole; doing so takes about thirty times its size.
	maxWholeBytes = 2 << 20
	// maxHeadKeys bounds the keys beside the charts; five have a meaning.
	maxHeadKeys = 100
	// bytesPerVersion and bytesPerChart are the least that an index takes for one of them on average. They bound what is kept in memory for
	// each. A version with a name, a URL and a digest has 200 bytes.
	bytesPerVersion, bytesPerChart = 64, 256
	// minEntries are always allowed, so that small indexes may be dense.
	minEntries = 10_000
)

// ErrIndex says that the content is no usable index of charts.
var ErrIndex = errors.New("invalid index")

// sink takes what is found in an index.
type sink interface {
	// chart starts a chart. If it was there before, once says that this is an error; otherwise the later one counts.
	chart(name string, once bool) error
	// version adds a version to the chart that was started last.
	version(v *helmchart.IndexVersion) error
	// rest takes everything beside the charts.
	rest(index *helmchart.Index) error
}

// addVersions adds those that are usable. Flux: source-controller contract, "Entries".
func addVersions(s sink, versions []*helmchart.IndexVersion) error {
	for _, v := range versions {
		if v == nil || v.Check() != nil {
			continue
		}
		if err := s.version(v); err != nil {
			return err
		}
	}
	return nil
}

func addAll(s sink, entries map[string][]*helmchart.IndexVersion, once bool) error {
	for name, versions := range entries {
		if err := s.chart(name, once); err != nil {
			return err
		}
		if err := addVersions(s, versions); err != nil {
			return err
		}
	}
	return nil
}

// addIndex adds the charts of an index that was read at once, and everything else in it.
func addIndex(s sink, index *helmchart.Index) error {
	if err := addAll(s, index.Entries, true); err != nil {
		return err
	}
	index.Entries = nil
	return s.rest(index)
}

// Compile reads an index of that size, in YAML or JSON. dir is where it may put temporary files. The error is ErrIndex if the content is to
// blame. The result has to be closed.
func Compile(ctx context.Context, index io.ReaderAt, size int64, dir string) (_ *Compiled, err error) {
	c, err := newCompiled(dir, size)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.read(ctx, index, size); err != nil {
		return nil, err
	}
	if c.head.APIVersion == "" {
		return nil, fmt.Errorf("%w: no apiVersion", ErrIndex)
	}
	return c, nil
}

// read reads the index in pieces, or else as a whole.
func (c *Compiled) read(ctx context.Context, index io.ReaderAt, size int64) error {
	if size == 0 {
		return fmt.Errorf("%w: it is empty", ErrIndex)
	}
	cut := cutYAML
	isJSON, err := startsObject(index, size)
	if err != nil {
		return err
	}
	if isJSON {
		cut = cutJSON
	}
	err = errors.Join(cut(ctx, io.NewSectionReader(index, 0, size), c), c.endChart())
	switch {
	case err == nil, errors.Is(err, errSpool):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, helmchart.ErrLimit):
		return fmt.Errorf("%w: %w", ErrIndex, err)
	case size > maxWholeBytes:
		return fmt.Errorf("%w: not readable piece by piece, and too large for another way: %w", ErrIndex, err)
	}
	c.reset()
	return c.readWhole(io.NewSectionReader(index, 0, size))
}

// readWhole reads a small index at once, as helm does with all of them.
func (c *Compiled) readWhole(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	index := &helmchart.Index{}
	if json.Valid(content) {
		err = json.Unmarshal(content, index)
	} else {
		index, err = helmchart.ParseIndex(content)
	}
	if err == nil {
		err = errors.Join(addIndex(c, index), c.endChart())
	}
	if err != nil && !errors.Is(err, errSpool) {
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	return err
}

// startsObject reports whether the first character is that of an object in JSON.
func startsObject(r io.ReaderAt, size int64) (bool, error) {
	start := make([]byte, min(size, readBytes))
	if _, err := r.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read index: %w", err)
	}
	return bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("{")), nil
}
