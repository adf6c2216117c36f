// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

const (
	chartFile  = "Chart.yaml"
	valuesFile = "values.yaml"
	chartsDir  = "charts"
	packedExt  = ".tgz"

	// headerBytes is what a tar header takes for a file, with some room for long names.
	headerBytes = 4 << 10
	// utf8BOM is dropped from the start of files, as helm does.
	utf8BOM = "\xef\xbb\xbf"
)

// LoadArchive reads a packaged chart. Archives below charts/ count against the same limits.
func LoadArchive(ctx context.Context, r io.Reader, l Limits) (*chart.Chart, error) {
	b := newBudget(l)
	files, err := b.unpack(ctx, limitArchive(r, l), 0)
	if err != nil {
		return nil, err
	}
	return assemble(files, b.limits)
}

// ReadMetadata reads no more of a packaged chart than its Chart.yaml.
func ReadMetadata(ctx context.Context, r io.Reader, l Limits) (*chart.Metadata, error) {
	b := newBudget(l)
	var found []byte
	err := b.walk(ctx, limitArchive(r, l), func(name string, content io.Reader) error {
		if name != chartFile {
			return nil
		}
		var err error
		if found, err = io.ReadAll(content); err != nil {
			return err
		}
		return errEnough
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return nil, err
	case found == nil:
		return nil, fmt.Errorf("%w: there is no %s", ErrChart, chartFile)
	}
	return parseMetadata(found)
}

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// limitArchive bounds the archive itself.
func limitArchive(r io.Reader, l Limits) io.Reader {
	if l.ArchiveBytes <= 0 {
		return r
	}
	return &capped{from: r, left: l.ArchiveBytes, what: fmt.Errorf("chart archive of more than %d bytes: %w", l.ArchiveBytes, ErrLimit)}
}

// unpack reads all files of an archive, and of the archives in its charts/, which appear as directories.
func (b *budget) unpack(ctx context.Context, r io.Reader, depth int) ([]*loader.BufferedFile, error) {
	var files []*loader.BufferedFile
	err := b.walk(ctx, r, func(name string, content io.Reader) error {
		var buf bytes.Buffer
		if _, err := buf.ReadFrom(content); err != nil {
			return err
		}
		files = append(files, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(buf.Bytes(), []byte(utf8BOM))})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: no files in the archive", ErrChart)
	}
	return b.expand(ctx, files, depth)
}

// walk calls visit for every file of an archive, with its name in the chart and its content.
func (b *budget) walk(ctx context.Context, r io.Reader, visit func(name string, content io.Reader) error) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return archiveError(err)
	}
	// Headers and padding count too: an archive of nothing else must not be read for ever.
	most := b.limits.ChartBytes + int64(b.limits.Files)*headerBytes
	if most < 0 {
		most = math.MaxInt64
	}
	stream := &capped{from: unzipped, left: most, what: fmt.Errorf("archive that unpacks to more than %d bytes: %w", most, ErrLimit)}
	for tr := tar.NewReader(stream); ; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return archiveError(err)
		}
		if err := b.visit(header, tr, visit); err != nil {
			return err
		}
	}
}

// visit hands one entry of an archive on, unless it is none of the chart's files.
func (b *budget) visit(header *tar.Header, content io.Reader, visit func(name string, content io.Reader) error) error {
	switch {
	case header.FileInfo().IsDir(), header.Typeflag == tar.TypeXGlobalHeader, header.Typeflag == tar.TypeXHeader:
		return nil
	case header.Typeflag != tar.TypeReg:
		return fmt.Errorf("%w: %q is neither a file nor a directory", ErrChart, header.Name)
	}
	name, err := entryName(header.Name)
	if err != nil {
		return err
	}
	if err := b.take(name, header.Size); err != nil {
		return err
	}
	if err := visit(name, content); err != nil {
		if errors.Is(err, errEnough) {
			return err
		}
		return archiveError(err)
	}
	return nil
}

// entryName is the name of an entry without the directory that all of them are in.
func entryName(entry string) (string, error) {
	// An archive made on Windows separates with backslashes.
	slashed := strings.ReplaceAll(entry, `\`, "/")
	top, rest, inside := strings.Cut(slashed, "/")
	if top == chartFile {
		return "", fmt.Errorf("%w: %s is not in a directory", ErrChart, chartFile)
	}
	name := path.Clean(rest)
	switch {
	case !inside || path.IsAbs(rest) || name == "." || strings.HasPrefix(name, ".."):
		return "", fmt.Errorf("%w: %q is outside of the directory of the chart", ErrChart, entry)
	case len(name) > 2 && name[1] == ':' && name[2] == '/', strings.ContainsRune(name, 0):
		return "", fmt.Errorf("%w: bad file name %q", ErrChart, entry)
	}
	return name, nil
}

// archiveError translates what the readers of gzip and tar found.
func archiveError(err error) error {
	for _, known := range []error{ErrLimit, ErrChart} {
		if errors.Is(err, known) {
			return err
		}
	}
	for _, broken := range []error{gzip.ErrHeader, gzip.ErrChecksum, tar.ErrHeader, tar.ErrInsecurePath, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, broken) {
			return fmt.Errorf("%w: no readable .tgz archive: %w", ErrChart, err)
		}
	}
	return fmt.Errorf("read chart archive: %w", err)
}

// expand replaces archives in charts/ by what they hold: helm's loader would unpack each of them with a limit of its own.
func (b *budget) expand(ctx context.Context, files []*loader.BufferedFile, depth int) ([]*loader.BufferedFile, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("archives nested deeper than %d: %w", maxNesting, ErrLimit)
	}
	var all []*loader.BufferedFile
	for _, f := range files {
		if !isNested(f.Name) {
			all = append(all, f)
			continue
		}
		inner, err := b.unpack(ctx, bytes.NewReader(f.Data), depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		for _, file := range inner {
			// A name that no directory can have by chance: .tgz files in charts/ never stay.
			file.Name = f.Name + ".d/" + file.Name
			all = append(all, file)
		}
	}
	return all, nil
}

// isNested reports whether a file is an archive that the loader would take for a chart: charts/<name>.tgz, of the chart or of charts in it.
func isNested(name string) bool {
	parts := strings.Split(name, "/")
	if len(parts)%2 != 0 || path.Ext(name) != packedExt {
		return false
	}
	for i, part := range parts {
		if i%2 == 0 && part != chartsDir || i%2 == 1 && strings.IndexAny(part, "_.") == 0 {
			return false
		}
	}
	return true
}

// assemble makes a chart of its files.
func assemble(files []*loader.BufferedFile, l Limits) (*chart.Chart, error) {
	most := boundsOf(l)
	if err := checkLayout(files, most); err != nil {
		return nil, err
	}
	if err := checkFiles(files); err != nil {
		return nil, err
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChart, err)
	}
	if err := checkExtent(c, most); err != nil {
		return nil, err
	}
	sortDependencies(c)
	return c, nil
}
