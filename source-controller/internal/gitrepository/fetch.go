// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"fmt"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
)

// fetch brings the commit into the mirror. It shows that something is going on before that takes time.
func (r *Reconciler) fetch(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if err := s.run.Publish(ctx); err != nil {
		return err
	}
	if err := r.bring(ctx, s); err != nil {
		return outcome.Fail(sourcev1.GitOperationFailedReason, err)
	}
	for _, path := range s.obj.Spec.SparseCheckout {
		if err := s.commit.Has(path); err != nil {
			return outcome.Fail(sourcev1.GitOperationFailedReason, fmt.Errorf("sparse checkout of '%s': %w", path, err))
		}
	}
	s.fetched = true
	return nil
}

// bring fetches the commit of the target.
func (r *Reconciler) bring(ctx context.Context, s *scope) error {
	limited, cancel := limit(ctx, s)
	defer cancel()
	var err error
	s.commit, err = s.mirror.Fetch(limited, s.remote, s.target)
	return err
}
