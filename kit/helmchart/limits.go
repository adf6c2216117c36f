// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"errors"
	"fmt"
	"io"
)

// Limits of helm itself, so that a chart that can be published can also be installed. Flux: helm-controller contract, "Parse".
const (
	// DefaultChartBytes bounds all files of a chart together, decompressed.
	DefaultChartBytes = 100 << 20
	// DefaultFileBytes bounds one file of a chart.
	DefaultFileBytes = 5 << 20
	// DefaultFiles bounds the number of files in a chart; the largest public charts have some hundreds.
	DefaultFiles = 20_000
)

// maxNesting is how deep charts, and archives, may be in one another; public charts have no more than three or four.
const maxNesting = 32

var (
	// ErrLimit says that a chart is larger than the limits.
	ErrLimit = errors.New("larger than allowed")
	// ErrChart says that something is no chart, or not a valid one.
	ErrChart = errors.New("invalid chart")
	// ErrVersion says that a version is not a semantic one.
	ErrVersion = errors.New("invalid chart version")
	// ErrValues says that a values file is missing or no YAML map.
	ErrValues = errors.New("unusable values")
	// ErrDependency says that a dependency of a chart could not be had.
	ErrDependency = errors.New("dependency")
)

// Limits bound what is read of a chart. A field that is not positive means its default.
type Limits struct {
	// ArchiveBytes bounds a packaged chart as it is; without it the reader alone sets the bound.
	ArchiveBytes int64
	// ChartBytes bounds all files together, decompressed, those of archives in charts/ included.
	ChartBytes int64
	// FileBytes bounds one file.
	FileBytes int64
	// Files bounds the number of files.
	Files int
}

func (l Limits) withDefaults() Limits {
	if l.ChartBytes <= 0 {
		l.ChartBytes = DefaultChartBytes
	}
	if l.FileBytes <= 0 {
		l.FileBytes = DefaultFileBytes
	}
	if l.Files <= 0 {
		l.Files = DefaultFiles
	}
	return l
}

// budget is what is left of the limits while a chart is read.
type budget struct {
	limits Limits
	bytes  int64
	files  int
}

func newBudget(l Limits) *budget {
	l = l.withDefaults()
	return &budget{limits: l, bytes: l.ChartBytes, files: l.Files}
}

// take accounts for one file of that size.
func (b *budget) take(name string, size int64) error {
	if size > b.limits.FileBytes {
		return fmt.Errorf("file %s has %d bytes, limit %d: %w", name, size, b.limits.FileBytes, ErrLimit)
	}
	if b.files--; b.files < 0 {
		return fmt.Errorf("more than %d files: %w", b.limits.Files, ErrLimit)
	}
	if b.bytes -= size; b.bytes < 0 {
		return fmt.Errorf("files of more than %d bytes: %w", b.limits.ChartBytes, ErrLimit)
	}
	return nil
}

// capped is a reader that fails where more than left bytes come.
type capped struct {
	from io.Reader
	left int64
	what error
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.from.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, c.what
	}
	return n, err
}
