// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"io"

	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// linkName is that of the link to the latest chart. Flux: source-controller contract, "Artifact".
const linkName = "latest.tar.gz"

// archive stores the chart.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	stored, err := publish.Save(ctx, r.Store, s.found.Artifact, publish.Content{
		Object:   object(s.obj),
		File:     s.chart.name + "-" + s.version + ".tgz",
		Revision: s.version,
		Produce: func(w io.Writer) error {
			if _, err := s.content.Seek(0, io.SeekStart); err != nil {
				return err
			}
			_, err := io.Copy(w, s.content)
			return err
		},
	})
	if err != nil {
		return outcome.Fail(sourcev1.ArchiveOperationFailedReason, err)
	}
	s.stored = stored
	s.built.Subject = subject(stored.Path, stored.Digest)
	log := logr.FromContextOrDiscard(ctx)
	if err := r.writeNote(s); err != nil {
		// Without it the observed generation has to do.
		log.Info("note about the chart not kept", "cause", err.Error())
	}
	if s.link, err = r.Store.Link(stored.Path, linkName); err != nil {
		// The artifact is there all the same.
		log.Info("link to the latest chart not set", "cause", err.Error())
	}
	return nil
}
