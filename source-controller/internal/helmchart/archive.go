// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"io"

	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// linkName is that of the link to the latest chart. Flux: source-controller contract, "Artifact".
const linkName = "latest.tar.gz"

// archive stores the chart.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	err := s.files.Save(ctx, publish.Content{
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
		return publish.ArchiveFault(err)
	}
	s.files.Keep(ctx, noteUse, s.files.Stored, s.built) // without it the observed generation has to do
	return nil
}
