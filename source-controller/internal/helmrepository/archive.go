// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"strings"

	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// linkName is that of the link to the latest index. Flux: source-controller contract, "Artifact".
const linkName = "index.yaml"

// compile reads the index. It shows that something is going on before that takes time.
func (r *Reconciler) compile(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if err := s.run.Publish(ctx); err != nil {
		return err
	}
	var err error
	s.compiled, err = helmindex.Compile(ctx, s.raw, s.note.Size, s.dir)
	if err != nil {
		return outcome.Fail(sourcev1.IndexationFailedReason, err)
	}
	return nil
}

// archive stores the index, and the table that belongs to it.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	_, hex, _ := strings.Cut(s.note.revision, ":")
	stored, err := publish.Save(ctx, r.Store, s.found.Artifact, publish.Content{
		Object:   object(s.obj),
		File:     "index-" + hex + ".yaml",
		Revision: s.note.revision,
		Produce:  s.compiled.WriteJSON,
	})
	if err != nil {
		return outcome.Fail(sourcev1.ArchiveOperationFailedReason, err)
	}
	s.stored = stored
	log := logr.FromContextOrDiscard(ctx)
	if err := (helmindex.Shelf{Store: r.Store}).Keep(object(s.obj), s.compiled, stored); err != nil {
		// It can be made again from the index.
		log.Info("table of the index not kept", "cause", err.Error())
	}
	r.keepNote(ctx, s, stored)
	if s.link, err = r.Store.Link(stored.Path, linkName); err != nil {
		// The artifact is there all the same.
		log.Info("link to the latest index not set", "cause", err.Error())
	}
	return nil
}
