// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/weir-gitops/weir/kit/artifact"
)

// settled is how old a file must be before its modification time tells it from a later version. File
// systems stamp files with a clock of up to two seconds granularity.
const settled = 2 * time.Second

// trust is how long a file that looks unchanged is not read again: bytes may also change by themselves.
const trust = time.Hour

// verdict remembers that a file had a digest when it looked like info.
type verdict struct {
	digest artifact.Digest
	info   fs.FileInfo
	at     time.Time
}

// Verify checks that the file at p is a regular file with the given digest. The answer is
// fs.ErrNotExist, artifact.ErrDigest, artifact.ErrAlgorithm or artifact.ErrMismatch if not. A file that
// looks as it did when it was last found good (same inode, size and times of modification and change) is
// not read again for a while.
func (s *Store) Verify(p, digest string) (err error) {
	want, err := artifact.ParseDigest(digest)
	if err != nil {
		return errors.Join(err, s.mustExist(p))
	}
	if err := s.mustExist(p); err != nil {
		return err
	}
	f, err := s.root.Open(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if s.known(p, want, info) {
		return nil
	}
	if err := want.Verify(f); err != nil {
		return fmt.Errorf("verify %s: %w", p, err)
	}
	if s.options.Now().Sub(info.ModTime()) > settled {
		s.remember(p, verdict{digest: want, info: info, at: s.options.Now()})
	}
	return nil
}

// mustExist returns fs.ErrNotExist unless p is a regular file itself, not a link to one.
func (s *Store) mustExist(p string) error {
	info, err := s.root.Lstat(p)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: %w", p, fs.ErrNotExist)
	}
	return nil
}

// known reports whether p was found to have the digest when it looked like info.
func (s *Store) known(p string, digest artifact.Digest, info fs.FileInfo) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.verified[p]
	return ok && v.digest == digest && os.SameFile(v.info, info) &&
		v.info.Size() == info.Size() && v.info.ModTime().Equal(info.ModTime()) && changeTime(v.info) == changeTime(info) &&
		s.options.Now().Sub(v.at) < trust
}

func (s *Store) remember(p string, v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verified[p] = v
}

// forget drops what is known about p and everything below it.
func (s *Store) forget(p string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.verified, func(known string, _ verdict) bool {
		return known == p || strings.HasPrefix(known, p+"/")
	})
}
