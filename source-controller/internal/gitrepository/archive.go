// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/go-logr/logr"

	"github.com/weir-gitops/weir/kit/artifact/archive"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

const (
	// indexUse names the private file that makes the next archive cheaper.
	indexUse = "index"
	// maxIndexBytes is what an index of a few million files takes.
	maxIndexBytes = 256 << 20
)

// archive stores the tree of the commit.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	return publish.ArchiveFault(r.repairing(ctx, s, func(ctx context.Context) error { return r.write(ctx, s) }))
}

// write archives the tree into storage and keeps the index for the next time.
func (r *Reconciler) write(ctx context.Context, s *scope) error {
	src := tree{commit: s.commit, directories: s.obj.Spec.SparseCheckout}
	rules, err := publish.Rules(ctx, src, s.obj.Spec.Ignore)
	if err != nil {
		return err
	}
	prev, err := r.previous(s)
	if err != nil {
		return err
	}
	defer prev.close()
	var index *archive.Index
	err = s.files.Save(ctx, publish.Content{
		File:     s.target.Commit.String() + ".tar.gz",
		Revision: s.target.Revision,
		Produce: func(w io.Writer) error {
			index, _, err = archive.Write(ctx, w, archive.Filter(src, rules), prev.archive)
			return err
		},
	})
	if err != nil {
		return err
	}
	if err := r.Store.WriteState(s.files.Object, indexUse, index.Encode(publish.Subject(s.files.Stored))); err != nil {
		// The index only spares work.
		logr.FromContextOrDiscard(ctx).Info("index of the archive not kept", "cause", err.Error())
	}
	return nil
}

// previous is the published archive with its index, or nothing.
type previous struct {
	archive *archive.Previous
	file    io.Closer
}

func (p previous) close() {
	if p.file != nil {
		_ = p.file.Close() // opened for reading only
	}
}

// previous opens the published archive if its index is at hand.
func (r *Reconciler) previous(s *scope) (previous, error) {
	published := s.files.Found.Artifact
	if published == nil {
		return previous{}, nil
	}
	data, err := r.Store.ReadState(s.files.Object, indexUse, maxIndexBytes)
	if err != nil {
		return previous{}, nil //nolint:nilerr // without an index everything is compressed anew
	}
	index, subject, err := archive.DecodeIndex(data)
	if err != nil || subject != publish.Subject(published) {
		return previous{}, nil //nolint:nilerr // the same
	}
	file, err := r.Store.Open(published.Path)
	if err != nil {
		return previous{}, fmt.Errorf("open published archive: %w", err)
	}
	return previous{archive: &archive.Previous{Index: index, File: file}, file: file}, nil
}

// tree lets the archiver read a commit.
type tree struct {
	commit      *git.Commit
	directories []string
}

// Entries implements archive.Source.
func (t tree) Entries(ctx context.Context) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for e, err := range t.commit.Entries(ctx, t.directories) {
			entry := archive.Entry{Path: e.Path, ID: string(e.Hash[:])}
			switch e.Mode {
			case git.Dir:
				entry.Mode = archive.Dir
			case git.Executable:
				entry.Mode = archive.Executable
			case git.File:
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// Size implements archive.Source.
func (t tree) Size(e archive.Entry) (int64, error) { return t.commit.Size(git.Hash([]byte(e.ID))) }

// Open implements archive.Source.
func (t tree) Open(e archive.Entry) (io.ReadCloser, error) {
	return t.commit.Open(git.Hash([]byte(e.ID)))
}
