// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
)

// minWorkTimeout is what work on a fetched commit gets at least: spec.timeout is meant for remotes and may be a second.
const minWorkTimeout = time.Minute

// errUnfinished is why work on a commit was ended.
var errUnfinished = errors.New("work on the commit not finished in time")

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
		return outcome.Fail(sourcev1.GitOperationFailedReason, err)
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

// repairing does something with the commit, each time within the limit of local work. If the mirror turns out to be damaged meanwhile, it is fetched again and the work is done once
// more: nobody has to know.
func (r *Reconciler) repairing(ctx context.Context, s *scope, work func(context.Context) error) error {
	err := bounded(ctx, s, work)
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
	return bounded(ctx, s, work)
}

// bounded does work on the commit in limited time: a tree or its ignore files may be made to take for ever.
func bounded(ctx context.Context, s *scope, work func(context.Context) error) error {
	timeout := max(s.obj.GetTimeout(), minWorkTimeout)
	limited, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("timeout of %s: %w", timeout, errUnfinished))
	defer cancel()
	err := work(limited)
	if err != nil && errors.Is(err, limited.Err()) {
		return context.Cause(limited)
	}
	return err
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
