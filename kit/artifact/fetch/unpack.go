// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	untar "github.com/fluxcd/pkg/tar"

	"github.com/weir-gitops/weir/kit/artifact"
)

// unpack extracts the verified archive into a directory of its own. Nothing outlives the process, so
// that a half-written directory is never taken for a whole one.
func (c *Cache) unpack(ctx context.Context, digest artifact.Digest, archive *os.File) (*content, error) {
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("failed to extract archive: %w", withoutPath(err))
	}
	dir, err := os.MkdirTemp(c.options.Dir, dirName(digest)+".*")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDirectory, withoutPath(err))
	}
	got, err := c.extractTo(ctx, dir, digest, archive)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, &extractError{dir: dir, err: err}
	}
	return got, nil
}

func (c *Cache) extractTo(ctx context.Context, dir string, digest artifact.Digest, archive io.Reader) (*content, error) {
	if err := extract(ctx, archive, dir, c.options.MaxUnpackedBytes); err != nil {
		return nil, err
	}
	return openContent(dir, digest.String(), func(root *os.Root, name string, d fs.DirEntry) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return protect(root, name, d)
	})
}

// protect makes a file read-only and a directory ours, whatever the archive says.
func protect(root *os.Root, name string, d fs.DirEntry) error {
	if d.IsDir() {
		return root.Chmod(name, 0o700)
	}
	return root.Chmod(name, 0o400)
}

// extract unpacks an archive, which may consist of several gzip members, with the rules of the
// contract: symbolic links are dropped; names that could leave the directory, other special files
// and too much of anything are errors. It ends with ctx. A negative maxBytes means no limit.
func extract(ctx context.Context, archive io.Reader, dir string, maxBytes int64) error {
	if maxBytes < 0 {
		maxBytes = untar.UnlimitedUntarSize
	}
	check := entryCheck{dirs: map[string]struct{}{}, cancelled: func() error { return context.Cause(ctx) }}
	err := untar.Untar(&guarded{ctx: ctx, check: &check, from: archive}, dir,
		untar.WithMaxUntarSize(int(maxBytes)), untar.WithSkipSymlinks(), untar.WithFilter(check.refuse))
	if check.err != nil {
		return check.err
	}
	return err
}

// guarded is an archive that is not read on once an entry was refused or ctx has ended.
type guarded struct {
	ctx   context.Context //nolint:containedctx // a reader has no other way to learn of its end
	check *entryCheck
	from  io.Reader
}

// Read implements io.Reader.
func (g *guarded) Read(to []byte) (int, error) {
	switch {
	case g.check.err != nil:
		return 0, g.check.err
	case g.ctx.Err() != nil:
		return 0, context.Cause(g.ctx)
	}
	return g.from.Read(to)
}

// entryCheck refuses what the library would let pass.
type entryCheck struct {
	// entries counts files and directories, also those that no entry announces, which dirs keeps apart; names sums up the bytes of their paths.
	entries, names int
	dirs           map[string]struct{}
	// headers counts the entries as they come: the same directory over and over is known, but takes time.
	headers int
	// cancelled returns why to stop: a few bytes of an archive can hold many entries.
	cancelled func() error
	err       error
}

// refuse reports whether the entry is to be skipped, as is everything after the first refused one.
func (c *entryCheck) refuse(name string, info fs.FileInfo) bool {
	if c.err != nil {
		return true
	}
	c.headers++
	c.count(path.Clean(name), info.IsDir())
	header, ok := info.Sys().(*tar.Header)
	switch err := c.cancelled(); {
	case err != nil:
		c.err = err
	case max(c.headers, c.entries) > maxEntries:
		c.err = fmt.Errorf("archive has more than %d entries", maxEntries)
	case c.names > maxNameBytes:
		c.err = fmt.Errorf("paths in the archive have more than %d bytes together", maxNameBytes)
	case slices.Contains(strings.Split(name, "/"), ".."):
		c.err = fmt.Errorf("tar contained invalid name error %q", name)
	case ok && header.Typeflag == tar.TypeLink:
		c.err = fmt.Errorf("tar file entry %s is a hard link, which is not supported", name)
	}
	return c.err != nil
}

// count takes note of an entry and of the directories above it.
func (c *entryCheck) count(name string, dir bool) {
	if !dir {
		c.entries++
		c.names += len(name)
		name = path.Dir(name)
	}
	for ; name != "." && name != "/" && c.entries <= maxEntries && c.names <= maxNameBytes; name = path.Dir(name) {
		if _, known := c.dirs[name]; known {
			return
		}
		c.dirs[name] = struct{}{}
		c.entries++
		c.names += len(name)
	}
}

// extractError hides the directory of the cache, which differs between runs.
type extractError struct {
	dir string
	err error
}

// Error implements error.
func (e *extractError) Error() string {
	text := strings.ReplaceAll(e.err.Error(), e.dir+string(filepath.Separator), "")
	return "failed to extract archive: " + strings.ReplaceAll(text, e.dir, ".")
}

// Unwrap returns what went wrong.
func (e *extractError) Unwrap() error { return e.err }
