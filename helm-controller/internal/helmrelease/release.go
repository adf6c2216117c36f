// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/outcome"
)

// lastWords is how long a process that goes down may take to write what an action did.
// Flux: helm-controller contract, section 7.5.
const lastWords = 5 * time.Second

// release observes the release, decides what to do, does it, and looks again, until nothing is left to do in this run.
// Flux: helm-controller contract, section 7.5.
func (r *Reconciler) release(ctx context.Context, s *scope) error {
	loop := release.NewLoop(s.force)
	for {
		d, err := r.decide(ctx, s, loop.Force())
		if err != nil {
			return err
		}
		s.obj.Status.History = d.History
		if v := loop.Before(s.obj, s.gates, d); v.Do != release.DoRun {
			return r.verdict(s, v, nil)
		}
		ctrl.LoggerFrom(ctx).Info("running action", "action", d.Action, "state", s.state.Name, "cause", d.Reason)
		err = r.act(ctx, s, d)
		switch {
		case ctx.Err() != nil:
			return r.cancelled(ctx, s)
		case errors.Is(err, kube.ErrSuperseded):
			return outcome.Wait(time.Millisecond, helmv2.HealthCheckCanceledReason, supersededText, s.running.by)
		case outcome.Of(err).Reason != "": // the action did not begin
			return err
		}
		if v := loop.After(s.obj, s.gates, d, err); v.Do != release.DoAgain {
			if err != nil && v.Do != release.DoError {
				ctrl.LoggerFrom(ctx).Error(err, "action failed", "action", d.Action)
			}
			return r.verdict(s, v, err)
		}
	}
}

// decide finds out the state of the release and what follows from it.
func (r *Reconciler) decide(ctx context.Context, s *scope, force bool) (release.Decision, error) {
	f, err := r.observe(ctx, s)
	if err != nil {
		return release.Decision{}, err
	}
	f.Force = force
	s.drift, s.checked = nil, false
	state, err := release.Determine(f)
	if err == nil && release.WantsDriftCheck(f, state) {
		if f.Drift, err = r.lookForDrift(ctx, s, f.Newest); err == nil {
			state, err = release.Determine(f)
		}
	}
	if err != nil {
		return release.Decision{}, outcome.Fail(helmv2.StateErrorReason, say(stateFailedText, err))
	}
	s.state = state
	d, err := release.Next(f, state, func(version int) (*release.Revision, error) { return s.session.Revision(ctx, version) })
	if err != nil {
		return release.Decision{}, outcome.Fail(helmv2.StateErrorReason, say(stateFailedText, err))
	}
	return d, nil
}

// observe reads the newest revision, which costs no request while it is as this process knows it.
func (r *Reconciler) observe(ctx context.Context, s *scope) (release.Facts, error) {
	newest, err := s.session.Newest(ctx)
	if err != nil {
		return release.Facts{}, outcome.Fail(helmv2.StateErrorReason, say(stateFailedText, err))
	}
	before := s.obj.Status.History.Latest()
	s.obj.Status.History = release.Recover(s.obj.Status.History, newest, s.obj.UID, s.algorithm)
	if now := s.obj.Status.History.Latest(); now != nil && now != before && (before == nil || before.Version != now.Version) {
		s.relist(newest)
		s.recovered(now)
	}
	return release.Facts{
		Object: s.obj, Gates: s.gates, Algorithm: s.algorithm, Newest: newest, Chart: s.metadata, Values: s.values,
	}, nil
}

// recovered reports an install or upgrade that ended well in a process that did not live to say so.
func (s *scope) recovered(now *helmv2.Snapshot) {
	if a := release.Action(now.Action); a.Kind() == release.KindRelease && now.Status == statusDeployed {
		s.did(report{action: a, begins: true})
		s.did(report{action: a, untested: testsEnabled(s.obj)}.about(now))
	}
}

// verdict turns the end of the loop into the outcome of the run.
func (r *Reconciler) verdict(s *scope, v release.Verdict, err error) error {
	switch v.Do {
	case release.DoRequeue:
		return outcome.Wait(r.backOff(s.obj.Status.Failures), meta.ProgressingWithRetryReason, "")
	case release.DoRetryAfter:
		return outcome.Wait(r.Jitter(v.After), meta.ProgressingWithRetryReason, retryText, v.After)
	case release.DoRetriesExceeded:
		return outcome.Stall(helmv2.RetriesExceededReason, &said{text: fmt.Sprintf(exceededText, s.obj.Status.LastAttemptedReleaseAction, release.ActiveFailures(&s.obj.Status))})
	case release.DoMissingRollbackTarget:
		return outcome.Stall(helmv2.MissingRollbackTargetReason, &said{text: missingTargetText})
	case release.DoError:
		return outcome.Fail(helmv2.ReconcileErrorReason, err)
	case release.DoDone, release.DoRun, release.DoAgain:
	}
	return nil
}

// backOff is the time until an attempt that follows from n failures.
func (r *Reconciler) backOff(n int64) time.Duration {
	const maxDoublings = 30 // beyond any sensible bound
	return min(r.MinRetry<<min(max(n-1, 0), maxDoublings), r.MaxRetry)
}

// cancelled writes what an action did that ended because the process goes down: the driver, whose context is over, does not.
func (r *Reconciler) cancelled(ctx context.Context, s *scope) error {
	cause := context.Cause(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := s.run.Publish(ctx); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "status is not written; the release itself knows what was done")
	}
	return fmt.Errorf("atomic release canceled: %w", cause)
}

func testsEnabled(obj *helmv2.HelmRelease) bool {
	return obj.Spec.Test != nil && obj.Spec.Test.Enable
}
