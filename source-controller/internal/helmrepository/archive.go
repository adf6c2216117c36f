// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"strings"

	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
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
		return publish.Fault(sourcev1.IndexationFailedReason, err)
	}
	return nil
}

// archive stores the index, and the table that belongs to it.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	_, hex, _ := strings.Cut(s.revision, ":")
	err := s.files.Save(ctx, publish.Content{File: "index-" + hex + ".yaml", Revision: s.revision, Produce: s.compiled.WriteJSON})
	if err != nil {
		return publish.ArchiveFault(err)
	}
	stored := s.files.Stored
	if err := (helmindex.Shelf{Store: r.Store}).Keep(s.files.Object, s.compiled, stored); err != nil {
		// It can be made again from the index.
		logr.FromContextOrDiscard(ctx).Info("table of the index not kept", "cause", err.Error())
	}
	s.files.Keep(ctx, noteUse, stored, s.note)
	return nil
}
