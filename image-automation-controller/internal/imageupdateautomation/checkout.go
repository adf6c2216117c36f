// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
)

// waitForBranch is how long a run waits at most for another that writes to the same branch, which wakes it when it is done.
const waitForBranch = 30 * time.Second

// checkout asks the remote where its references are, and brings what is changed into the mirror unless nothing moved.
func (r *Reconciler) checkout(ctx context.Context, s *scope) error {
	var err error
	if s.mirror, err = r.Mirrors.open(s.obj.Namespace, s.obj.Name); err != nil {
		return failedCheckout(s, err)
	}
	if err := r.look(ctx, s); err != nil {
		return failedCheckout(s, err)
	}
	if s.settled() {
		s.unchanged = true
		return nil
	}
	if s.free = r.writers.enter(branch{s.plan.url, s.plan.branch}, client.ObjectKeyFromObject(s.obj)); s.free == nil {
		return outcome.Wait(waitForBranch, meta.ProgressingReason, "waiting for another automation that writes to branch '%s'", s.plan.branch)
	}
	if s.run.Requested != "" || s.obj.Status.ObservedGeneration != s.obj.Generation {
		if err := s.run.Publish(ctx); err != nil {
			return err
		}
	}
	if err := r.bring(ctx, s); err != nil {
		return failedCheckout(s, err)
	}
	return nil
}

// failedCheckout is the outcome of a repository that cannot be read.
func failedCheckout(s *scope, err error) error {
	return outcome.Fail(imagev1.GitOperationFailedReason, fmt.Errorf("failed to checkout source: unable to clone '%s': %w", s.plan.url, err))
}

// look asks the remote for its references.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	limited, cancel := s.limit(ctx)
	defer cancel()
	listing, err := s.remote.List(limited)
	if err != nil {
		return err
	}
	target, err := s.mirror.ResolveIn(limited, s.remote, listing, s.plan.ref)
	if err != nil {
		return err
	}
	s.listing, s.target = listing, target
	return nil
}

// bring fetches the commit that is changed: the head of the push branch where that exists and is continued, else what is checked out.
// Flux: image-automation-controller contract, "Checkout".
func (r *Reconciler) bring(ctx context.Context, s *scope) error {
	limited, cancel := s.limit(ctx)
	defer cancel()
	target := s.target
	if s.plan.switches && r.ContinuePushBranch && !s.pushHead().IsZero() {
		var err error
		if target, err = s.mirror.ResolveIn(limited, s.remote, s.listing, git.Reference{Branch: s.plan.branch}); err != nil {
			return err
		}
	}
	commit, err := s.mirror.Fetch(limited, s.remote, target)
	if err != nil {
		return err
	}
	s.commit = commit
	return nil
}

// pushHead is where the push branch was when the run looked; zero if it did not exist.
func (s *scope) pushHead() git.Hash { return s.listing.At(git.BranchRef(s.plan.branch)) }

// settled reports whether nothing moved since the last complete run. A run that somebody asked for never is.
func (s *scope) settled() bool {
	if s.last.requested {
		return false
	}
	if s.last.settled != "" {
		return s.last.settled == s.state()
	}
	// The process is new. What the status says suffices where it says all. Flux: image-automation-controller contract, "Reconcile", 3 to 7.
	status := s.obj.Status
	return !s.plan.switches && s.plan.push.Refspec == "" && status.ObservedGeneration == s.obj.Generation &&
		status.ObservedSourceRevision != "" && status.ObservedSourceRevision == s.target.Revision && maps.Equal(status.ObservedPolicies, s.refs)
}

// state describes everything that decides what a run does.
func (s *scope) state() string {
	b, err := json.Marshal([]any{s.obj.Generation, s.plan.url, s.plan.ref, s.target.Revision, s.pushHead().String(), s.refs})
	if err != nil {
		return "" // texts and numbers are always encoded
	}
	return string(b)
}

// damaged throws away a mirror that turns out to be so. The next run makes a new one.
func (s *scope) damaged(err error) error {
	if errors.Is(err, git.ErrCorrupt) {
		s.last.settled = ""
		return errors.Join(err, s.mirror.Reset())
	}
	return err
}
