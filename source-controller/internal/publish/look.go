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

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
)

// collectTimeout bounds the removal of old files in a run. Flux: source-controller contract, "Storage sub-step".
const collectTimeout = 5 * time.Second

// Found is what the storage holds of an object.
type Found struct {
	// Artifact is the published artifact with its current address; nil if there is none, or no longer.
	Artifact *meta.Artifact
	// Lost says that status names an artifact that is not there any more.
	Lost bool
	// Altered is why the stored file was removed: it no longer was what had been stored. nil otherwise.
	Altered error
	// Removed lists old files that were deleted.
	Removed []string
}

// Look removes old files of o and checks the one that published names, which may be nil. A file that was altered is deleted. The error is
// that of the deletion; everything else leads to the artifact being made again.
func Look(ctx context.Context, s *store.Store, o store.Object, published *meta.Artifact) (Found, error) {
	current := ""
	if published != nil {
		current = published.Path
	}
	collecting, cancel := context.WithTimeout(ctx, collectTimeout)
	defer cancel()
	// What could not be removed now can be in the next run.
	removed, _ := s.Collect(collecting, o, current)
	found := Found{Removed: removed}
	if published == nil {
		return found, nil
	}
	if own, err := s.Path(o, path.Base(published.Path)); err != nil || own != published.Path {
		// Whoever wrote this, it is not ours to serve or to delete.
		found.Lost = true
		return found, nil
	}
	err := s.Verify(published.Path, published.Digest)
	switch {
	case err == nil:
		found.Artifact = published.DeepCopy()
		found.Artifact.URL = s.URL(published.Path)
		return found, nil
	case errors.Is(err, fs.ErrNotExist):
		found.Lost = true
		return found, nil
	case errors.Is(err, artifact.ErrMismatch), errors.Is(err, artifact.ErrDigest), errors.Is(err, artifact.ErrAlgorithm):
		found.Lost, found.Altered = true, err
		if err := s.Remove(published.Path); err != nil {
			return found, fmt.Errorf("remove altered artifact: %w", err)
		}
		return found, nil
	}
	return found, fmt.Errorf("read stored artifact: %w", err)
}
