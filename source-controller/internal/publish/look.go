// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
)

// collectTimeout bounds the removal of old files in a run. Flux: source-controller contract, "Storage sub-step".
const collectTimeout = 5 * time.Second

// Found is what the storage holds of an object.
type Found struct {
	// Artifact is the published artifact with its current address; nil if there is none, or no longer.
	Artifact *meta.Artifact
	// Adopted says that the stored file is a later one of ours than the one published: a process ended between storing and publishing. Artifact
	// describes it; it stays, but has to be made again because nobody knows for which settings it was made.
	Adopted bool
	// Lost says that status names an artifact that is not there any more.
	Lost bool
	// Altered is why the stored file was removed: it no longer was what had been stored. nil otherwise.
	Altered error
	// Removed lists old files that were deleted.
	Removed []string
	// Left is why others could not be deleted, which fails no run; nil if all could.
	Left error
}

// Usable reports whether there is an artifact that may be what is wanted.
func (f Found) Usable() bool { return f.Artifact != nil && !f.Adopted }

// look removes old files of o and checks the one that published names, which may be nil. A file that was altered is deleted. An
// error leaves the artifact as published, as long as the file may be fine: only one that vanished or was altered is gone.
func look(ctx context.Context, s *store.Store, o store.Object, published *meta.Artifact) (Found, error) {
	current := ""
	if published != nil {
		current = published.Path
	}
	collecting, cancel := context.WithTimeout(ctx, collectTimeout)
	defer cancel()
	removed, left := s.Collect(collecting, o, current)
	found := Found{Removed: removed, Left: left}
	if published == nil {
		return found, nil
	}
	if own, err := s.Path(o, path.Base(published.Path)); err != nil || own != published.Path {
		// Whoever wrote this, it is not ours to serve or to delete.
		found.Lost = true
		return found, nil
	}
	found.Artifact = published.DeepCopy()
	found.Artifact.URL = s.URL(published.Path)
	return check(s, o, found)
}

// check makes sure that the file of the artifact in found is what it is said to be.
func check(s *store.Store, o store.Object, found Found) (Found, error) {
	published := found.Artifact
	err := s.Verify(published.Path, published.Digest)
	if errors.Is(err, artifact.ErrMismatch) {
		later, written := s.Written(o, published.Path)
		if written == nil {
			published.Digest, published.Size = later.Digest.String(), new(later.Size)
			published.LastUpdateTime = metav1.NewTime(later.ModTime)
			found.Adopted = true
			return found, nil
		}
	}
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, fs.ErrNotExist):
		found.Artifact, found.Lost = nil, true
		return found, nil
	case errors.Is(err, artifact.ErrMismatch), errors.Is(err, artifact.ErrDigest), errors.Is(err, artifact.ErrAlgorithm):
		found.Artifact, found.Lost, found.Altered = nil, true, err
		if err := s.Remove(published.Path); err != nil {
			return found, fmt.Errorf("remove altered artifact: %w", err)
		}
		return found, nil
	}
	return found, fmt.Errorf("read stored artifact: %w", err)
}
