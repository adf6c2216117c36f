// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
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

// writtenUse names the private note about the last file that was written for an object.
const writtenUse = "written"

// stateFile is the name of the file that WriteState writes in a private directory.
const stateFile = "data"

// maxNoteBytes is far more than a path and a digest take.
const maxNoteBytes = 4 << 10

// Write stores what produce writes as the given file of o. Until produce has returned without error and
// everything is on disk, an older file of that name stays as it is; afterwards it is replaced at once.
// Nothing is synced to the disk explicitly: a file that a power failure cut off is found by Verify. One
// that was replaced and never published is known to Written.
func (s *Store) Write(o Object, file string, produce func(io.Writer) error) (_ File, err error) {
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
	defer func() {
		if err != nil {
			err = errors.Join(err, s.unlockMissing(p))
		}
	}()
	s.forget(p)

	var digest artifact.Digest
	size, err := s.replace(p, func(w io.Writer) error {
		h := s.options.Algorithm.New()
		if err := produce(io.MultiWriter(w, h)); err != nil {
			return err
		}
		digest = artifact.SumOf(s.options.Algorithm, h)
		// Before the file takes its place, so that there is no moment in which it is a stranger.
		return s.WriteState(o, writtenUse, []byte(note(p, digest)))
	})
	if err != nil {
		return File{}, err
	}
	return File{Path: p, URL: s.URL(p), Digest: digest, Size: size, ModTime: s.options.Now()}, nil
}

// note is what is kept about the last file written for an object.
func note(p string, digest artifact.Digest) string { return p + "@" + digest.String() }

// Written returns the file at p if it is, to the byte, what Write last stored for o. A process that ended
// between storing a file and publishing its digest leaves such a one.
func (s *Store) Written(o Object, p string) (File, error) {
	data, err := s.ReadState(o, writtenUse, maxNoteBytes)
	if err != nil {
		return File{}, err
	}
	text, ours := strings.CutPrefix(string(data), p+"@")
	if !ours {
		return File{}, fmt.Errorf("%s is not what was written last: %w", p, fs.ErrNotExist)
	}
	digest, err := artifact.ParseDigest(text)
	if err != nil {
		return File{}, err
	}
	if err := s.Verify(p, text); err != nil {
		return File{}, err
	}
	info, err := s.root.Lstat(p)
	if err != nil {
		return File{}, err
	}
	return File{Path: p, URL: s.URL(p), Digest: digest, Size: info.Size(), ModTime: info.ModTime()}, nil
}

// Retire starts the TTL of the file at p, which another one replaced: who was told its address has that
// long to fetch it, however old it is. A missing file is no error.
func (s *Store) Retire(p string) error {
	now := s.options.Now()
	return ignoreMissing(s.root.Chtimes(p, now, now))
}

// unlockMissing removes the lock of a file that is not there.
func (s *Store) unlockMissing(p string) error {
	if _, err := s.root.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
		return nil // it is there, or nobody knows
	}
	return ignoreMissing(s.root.Remove(p + lockSuffix))
}

// WriteState stores private data of o under use. It is replaced at once.
func (s *Store) WriteState(o Object, use string, data []byte) error {
	return s.WriteStateFile(o, use, stateFile, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteStateFile stores what produce writes as a file in the private directory for use of o. It is replaced at once.
func (s *Store) WriteStateFile(o Object, use, file string, produce func(io.Writer) error) error {
	if err := checkName(file); err != nil {
		return err
	}
	dir, err := s.stateDir(o, use)
	if err != nil {
		return err
	}
	_, err = s.replace(path.Join(dir, file), produce)
	return err
}

// ReadState returns what WriteState stored, or fs.ErrNotExist. More than limit bytes are an error.
func (s *Store) ReadState(o Object, use string, limit int64) (data []byte, err error) {
	dir, err := o.stateDir(use)
	if err != nil {
		return nil, err
	}
	p := path.Join(dir, stateFile)
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

// replace writes a temporary file in the directory of p and renames it to p. It returns the size.
func (s *Store) replace(p string, produce func(io.Writer) error) (size int64, err error) {
	temp, f, hold, err := s.tempFile(p)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(about(p, temp, err), s.root.Remove(temp))
		}
		err = errors.Join(err, hold.Close())
	}()
	if size, err = fill(f, produce); err != nil {
		return 0, err
	}
	return size, s.root.Rename(temp, p)
}

// about names p in an error about its temporary file, whose name is another each time; any file if temp is empty.
func about(p, temp string, err error) error {
	if broken, ok := errors.AsType[*fs.PathError](err); ok && (temp == "" || path.Base(broken.Path) == path.Base(temp)) {
		return fmt.Errorf("%s %s: %w", broken.Op, p, broken.Err)
	}
	if broken, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s %s: %w", broken.Op, p, broken.Err)
	}
	return err
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
