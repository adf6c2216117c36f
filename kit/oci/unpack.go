// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

const (
	unpackedDir        = 0o700
	unpackedFile       = 0o600
	unpackedExecutable = 0o700

	// maxNameBytes is the longest name of an entry: what Linux takes as a path.
	maxNameBytes = 4096
)

// Limits bound what an archive may unpack to.
type Limits struct {
	// Bytes is the sum of the sizes of the files.
	Bytes int64
	// Entries is the number of entries in the archive, those that are skipped included.
	Entries int
}

// Unpack extracts a gzip-compressed tar archive below root and reads r to its end. Symbolic links are skipped. An entry whose name could lead
// away, or that is neither file nor directory, is ErrContent, as is what is no such archive; more than the limits is ErrTooLarge.
// A fault of the disk is an *fs.PathError. Flux: source-controller contract, "Reading archives".
func Unpack(ctx context.Context, r io.Reader, root *os.Root, l Limits) error {
	u := &unpacking{root: root, limits: l, from: &steady{ctx: ctx, from: r}}
	err := u.run()
	if u.from.err != nil && !errors.Is(u.from.err, io.EOF) {
		// What went wrong with the layer itself explains the rest.
		return u.from.err
	}
	return err
}

// unpacking is one archive on its way to disk.
type unpacking struct {
	root    *os.Root
	limits  Limits
	from    *steady
	entries int
	bytes   int64
}

// steady keeps the error that ended a reader, which decoders hide, and ends with its context.
type steady struct {
	ctx  context.Context //nolint:containedctx // a reader has no other way to learn of its end
	from io.Reader
	err  error
}

// Read implements io.Reader.
func (s *steady) Read(to []byte) (int, error) {
	if s.err == nil && s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
	}
	if s.err != nil {
		return 0, s.err
	}
	var n int
	n, s.err = s.from.Read(to)
	return n, s.err
}

func (u *unpacking) run() error {
	unzipped, err := gzip.NewReader(u.from)
	if err != nil {
		return fmt.Errorf("%w: layer is not compressed with gzip: %w", ErrContent, err)
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: layer is no tar archive: %s", ErrContent, clean(err.Error()))
		}
		if err := u.entry(header, archive); err != nil {
			return err
		}
	}
	// The digest of the layer covers what follows the archive, too.
	_, err = io.Copy(io.Discard, u.from)
	return err
}

// entry writes one entry.
func (u *unpacking) entry(header *tar.Header, content io.Reader) error {
	if err := u.count(); err != nil {
		return err
	}
	switch {
	case header.Size > u.limits.Bytes-u.bytes: // the sum could wrap around
		return fmt.Errorf("%w: more than %d bytes in the archive", ErrTooLarge, u.limits.Bytes)
	case header.Typeflag == tar.TypeXGlobalHeader:
		return nil // git archive begins with one
	}
	u.bytes += max(header.Size, 0)
	name, err := safeName(header.Name)
	if err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeSymlink:
		return nil
	case tar.TypeDir:
		err = u.mkdir(name)
	case tar.TypeReg:
		err = u.file(name, header, content)
	default:
		return fmt.Errorf("%w: entry '%s' is neither a file nor a directory", ErrContent, clean(header.Name))
	}
	return about(header.Name, err)
}

// count takes note of an entry, or of a directory that none of them announced. It ends with the context: a few bytes of an archive can hold many.
func (u *unpacking) count() error {
	if ctx := u.from.ctx; ctx.Err() != nil {
		u.from.err = context.Cause(ctx)
		return u.from.err
	}
	u.entries++
	if u.entries > u.limits.Entries {
		return fmt.Errorf("%w: more than %d entries in the archive", ErrTooLarge, u.limits.Entries)
	}
	return nil
}

// safeName returns the path of an entry below the root.
func safeName(name string) (string, error) {
	if len(name) > maxNameBytes {
		return "", fmt.Errorf("%w: name of an entry has more than %d bytes", ErrContent, maxNameBytes)
	}
	if name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") || strings.Contains(name, "../") || path.Base(name) == ".." {
		return "", fmt.Errorf("%w: entry has the invalid name '%s'", ErrContent, clean(name))
	}
	return path.Clean(name), nil
}

// mkdir makes a directory and those above it that are missing.
func (u *unpacking) mkdir(name string) error {
	err := u.root.Mkdir(name, unpackedDir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := u.count(); err != nil {
			return err
		}
		if err := u.mkdir(path.Dir(name)); err != nil {
			return err
		}
		err = u.root.Mkdir(name, unpackedDir)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := u.root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%w: it is a file as well", ErrContent)
	}
	return err
}

// open opens a file for writing and makes the directories above it.
func (u *unpacking) open(name string, mode fs.FileMode) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	f, err := u.root.OpenFile(name, flags, mode)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := u.mkdir(path.Dir(name)); err != nil {
		return nil, err
	}
	return u.root.OpenFile(name, flags, mode)
}

// file writes a regular file. A later entry of the same name replaces it.
func (u *unpacking) file(name string, header *tar.Header, content io.Reader) (err error) {
	mode := fs.FileMode(unpackedFile)
	if header.FileInfo().Mode().Perm()&0o111 != 0 {
		mode = unpackedExecutable
	}
	f, err := u.open(name, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(mode); err != nil { // it may have been there with another one
		return err
	}
	_, err = io.Copy(f, content)
	return err
}

// about names the entry that could not be written. A name that cannot exist, or exists as something else, is the fault of the archive; a full disk
// is not.
func about(name string, err error) error {
	if err == nil || errors.Is(err, ErrContent) || errors.Is(err, ErrTooLarge) {
		return err
	}
	broken, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return fmt.Errorf("%w: entry '%s': %w", ErrContent, clean(name), err)
	}
	// The path in the error is the same name, or a temporary one.
	for _, fault := range []error{syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG, syscall.EEXIST, syscall.EINVAL} {
		if errors.Is(broken.Err, fault) {
			return fmt.Errorf("%w: entry '%s': %w", ErrContent, clean(name), broken.Err)
		}
	}
	return &textError{text: fmt.Sprintf("unpack entry '%s': %s: %s", clean(name), broken.Op, broken.Err), kinds: []error{broken}}
}
