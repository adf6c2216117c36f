// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// newest finds the file of a set. Where a process was killed between writing one file and removing the other, the newer one counts.
func (s *Store) newest(key types.NamespacedName) (string, fs.FileInfo, error) {
	plain, err := s.stat(key, plainFile)
	if err != nil {
		return "", nil, err
	}
	zipped, err := s.stat(key, zippedFile)
	switch {
	case err != nil:
		return "", nil, err
	case plain == nil && zipped == nil:
		return "", nil, fs.ErrNotExist
	case zipped == nil || plain != nil && plain.ModTime().After(zipped.ModTime()):
		return plainFile, plain, nil
	}
	return zippedFile, zipped, nil
}

// stat describes a regular file, nil if there is none.
func (s *Store) stat(key types.NamespacedName, file string) (fs.FileInfo, error) {
	info, err := s.root.Lstat(path.Join(directory(key), file))
	if err != nil || !info.Mode().IsRegular() {
		return nil, ignoreAbsent(err)
	}
	return info, nil
}

// read returns the set of an object and what to remember of it.
func (s *Store) read(key types.NamespacedName) (List, known, error) {
	file, stat, err := s.newest(key)
	if err != nil {
		return List{}, known{}, err
	}
	f, err := s.root.Open(path.Join(directory(key), file))
	if err != nil {
		return List{}, known{}, err
	}
	list, err := decode(f, file == zippedFile)
	if err := errors.Join(err, f.Close()); err != nil {
		return List{}, known{}, err
	}
	return list, known{Info: Info{Revision: list.Revision(), Count: list.Len()}, file: file, size: stat.Size(), time: stat.ModTime()}, nil
}

// decode reads a set. The error is ErrMalformed unless the file could not be read.
func decode(r io.Reader, zipped bool) (List, error) {
	if zipped {
		z, err := gzip.NewReader(bufio.NewReader(r))
		if err != nil {
			return List{}, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		r = z
	}
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(r, maxTextBytes+1))
	switch {
	case err != nil && zipped:
		return List{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	case err != nil:
		return List{}, err
	case n > maxTextBytes:
		return List{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxTextBytes)
	}
	return Parse(b.String())
}

// writeFile writes a set to a new file that is on disk when it returns.
func (s *Store) writeFile(name string, list List, zipped bool) (stat fs.FileInfo, err error) {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := encode(f, list, zipped); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return f.Stat()
}

func encode(w io.Writer, list List, zipped bool) error {
	if list.Len() == 0 && !zipped {
		return nil
	}
	if !zipped {
		_, err := io.WriteString(w, list.text+"\n")
		return err
	}
	z := gzip.NewWriter(w)
	_, err := io.WriteString(z, list.text)
	if err == nil && list.Len() > 0 {
		_, err = io.WriteString(z, "\n")
	}
	return errors.Join(err, z.Close())
}
