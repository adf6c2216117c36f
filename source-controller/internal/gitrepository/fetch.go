// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// fetch brings the commit into the mirror. It shows that something is going on before that takes time.
func (r *Reconciler) fetch(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if err := s.run.Publish(ctx); err != nil {
		return err
	}
	err := r.bring(ctx, s)
	if err == nil {
		err = r.repairing(ctx, s, func(ctx context.Context) error { return checkSparse(ctx, s) })
	}
	if err != nil {
		return publish.Fault(sourcev1.GitOperationFailedReason, err)
	}
	s.fetched = true
	return nil
}

// bring fetches the commit of the target.
func (r *Reconciler) bring(ctx context.Context, s *scope) error {
	limited, cancel := publish.Limit(ctx, s.obj.GetTimeout())
	defer cancel()
	var err error
	s.commit, err = s.mirror.Fetch(limited, s.remote, s.target)
	return err
}

// repairing does something with the commit, each time within the limit of local work. If the mirror turns out to be damaged meanwhile, it is
// fetched again and the work is done once more: nobody has to know.
func (r *Reconciler) repairing(ctx context.Context, s *scope, work func(context.Context) error) error {
	err := publish.Work(ctx, s.obj.GetTimeout(), work)
	if !errors.Is(err, git.ErrCorrupt) {
		return err
	}
	logr.FromContextOrDiscard(ctx).Info("mirror is damaged, fetching again", "cause", err.Error())
	if err := s.mirror.Reset(); err != nil {
		return fmt.Errorf("remove damaged mirror: %w", err)
	}
	if err := r.bring(ctx, s); err != nil {
		return err
	}
	return publish.Work(ctx, s.obj.GetTimeout(), work)
}

// checkSparse makes sure that the commit has every path that is asked for.
func checkSparse(ctx context.Context, s *scope) error {
	for _, path := range s.obj.Spec.SparseCheckout {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.commit.Has(path); err != nil {
			return fmt.Errorf("sparse checkout of '%s': %w", path, err)
		}
	}
	return nil
}
