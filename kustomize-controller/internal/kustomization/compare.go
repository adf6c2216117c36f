// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"

	"github.com/weir-gitops/weir/kit/reconcile"
)

// verifyIntervals is after how many intervals of the object its live objects are compared in full even though no watch told of a change: the
// safety net below the ledger.
const verifyIntervals = 5

// compare decides whether anything can have moved since the last run that completed.
func (r *Reconciler) compare(_ context.Context, s *scope) error {
	// The revision is not part of it: the same content under another name changes the status, not the cluster.
	var err error
	if s.rendering, err = reconcile.Fingerprint(s.obj.UID, s.obj.Generation, s.vars); err != nil {
		return err
	}
	if s.inputs, err = reconcile.Fingerprint(s.rendering, s.artifact.Digest); err != nil {
		return err
	}
	// Another identity may not be allowed what the last one did; only the API server can tell.
	s.verify = r.Clock().Sub(s.last.verified) >= verifyIntervals*s.obj.GetRequeueAfter() || s.account != s.last.account
	s.quiet = s.last.inputs == s.inputs && !s.verify && r.Engine.Settled(s.owner())
	if s.quiet {
		s.attempted = true
		s.digest = s.last.digest
		return nil
	}
	s.cancelled = !s.last.waiting.IsZero() && s.last.inputs != s.inputs
	s.last.closeWait()
	s.last.inputs = ""
	return nil
}
