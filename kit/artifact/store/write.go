// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/fluxcd/pkg/lockedfile"

	"github.com/weir-gitops/weir/kit/artifact"
)

// writeBufferBytes collects the small writes of producers.
const writeBufferBytes = 256 << 10

// File describes a stored file.
type File struct {
	// Path is relative to the root.
	Path string
	// URL is where it is served.
	URL string
	// Digest and Size are those of its content.
	Digest artifact.Digest
	Size   int64
	// ModTime is when it was written.
	ModTime time.Time
}

// Write stores what produce writes as the given file of o. Until produce has returned without error and
// everything is on disk, an older file of that name stays as it is; afterwards it is replaced at once.
// Nothing is synced to the disk explicitly: a file that a power failure cut off is found by Verify.
func (s *Store) Write(o Object, file string, produce func(io.Writer) error) (File, error) {
	p, err := s.Path(o, file)
	if err != nil {
		return File{}, err
	}
	if err := s.root.MkdirAll(path.Dir(p), dirPerm); err != nil {
		return File{}, err
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(s.options.Path, filepath.FromSlash(p)+lockSuffix)).Lock()
	if err != nil {
		return File{}, fmt.Errorf("lock %s: %w", p, err)
	}
	defer unlock()
	s.forget(p)

	h := s.options.Algorithm.New()
	size, err := s.replace(p, func(w io.Writer) error { return produce(io.MultiWriter(w, h)) })
	if err != nil {
		return File{}, err
	}
	return File{
		Path:    p,
		URL:     s.URL(p),
		Digest:  artifact.SumOf(s.options.Algorithm, h),
		Size:    size,
		ModTime: s.options.Now(),
	}, nil
}

// WriteState stores private data of o under use. It is replaced at once.
func (s *Store) WriteState(o Object, use string, data []byte) error {
	p, err := s.statePath(o, use)
	if err != nil {
		return err
	}
	if err := s.root.MkdirAll(path.Dir(p), dirPerm); err != nil {
		return err
	}
	_, err = s.replace(p, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return err
}

// ReadState returns what WriteState stored, or fs.ErrNotExist. More than limit bytes are an error.
func (s *Store) ReadState(o Object, use string, limit int64) (data []byte, err error) {
	p, err := s.statePath(o, use)
	if err != nil {
		return nil, err
	}
	f, err := s.root.Open(p)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if data, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", p, limit)
	}
	return data, nil
}

// statePath is the file for private data of o: a file "data" in its state directory.
func (s *Store) statePath(o Object, use string) (string, error) {
	dir, err := o.dir()
	if err != nil {
		return "", err
	}
	if err := checkName(use); err != nil {
		return "", err
	}
	return path.Join(stateDir, use, dir, "data"), nil
}

// replace writes a temporary file in the directory of p and renames it to p. It returns the size.
func (s *Store) replace(p string, produce func(io.Writer) error) (size int64, err error) {
	temp := path.Join(path.Dir(p), "."+path.Base(p)+tempMark+rand.Text())
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, filePerm)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.root.Remove(temp))
		}
	}()
	if size, err = fill(f, produce); err != nil {
		return 0, err
	}
	return size, s.root.Rename(temp, p)
}

// fill writes what produce yields to f, closes it and returns the size.
func fill(f *os.File, produce func(io.Writer) error) (size int64, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, writeBufferBytes)
	if err := produce(w); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekCurrent)
}
