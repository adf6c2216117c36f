// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"time"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// Kind groups actions: each kind runs at most once in a run of the loop.
type Kind string

// The kinds.
const (
	KindRelease   Kind = "release"
	KindTest      Kind = "test"
	KindUnlock    Kind = "unlock"
	KindRemediate Kind = "remediate"
	KindDrift     Kind = "drift"
	KindUninstall Kind = "uninstall"
)

// Kind returns the kind of the action, empty for none.
func (a Action) Kind() Kind {
	switch a {
	case ActionInstall, ActionUpgrade:
		return KindRelease
	case ActionTest:
		return KindTest
	case ActionUnlock:
		return KindUnlock
	case ActionRollback, ActionUninstallRemediation:
		return KindRemediate
	case ActionCorrectDrift:
		return KindDrift
	case ActionUninstall:
		return KindUninstall
	case ActionNone:
	}
	return ""
}

// Do says how a run goes on or ends.
type Do int

// The values of Do.
const (
	// DoRun runs the action.
	DoRun Do = iota
	// DoAgain determines the state again.
	DoAgain
	// DoDone ends with success.
	DoDone
	// DoRequeue ends with another run at once, through the rate limiter.
	DoRequeue
	// DoRetryAfter ends with another run after a while; an error is only logged.
	DoRetryAfter
	// DoRetriesExceeded ends for good.
	DoRetriesExceeded
	// DoMissingRollbackTarget ends for good.
	DoMissingRollbackTarget
	// DoError ends with the error of the action.
	DoError
)

// Verdict is Do, with the time of DoRetryAfter, not jittered.
type Verdict struct {
	Do    Do
	After time.Duration
}

// Loop is the memory of one run: observe, decide, act, look again. Contract 7.5.
//
//	loop := release.NewLoop(force)
//	for {
//		decide with Facts.Force = loop.Force(); if loop.Before(…).Do != DoRun, end so
//		act; if loop.After(…).Do != DoAgain, end so
//	}
type Loop struct {
	force bool
	done  map[Kind]bool
}

// NewLoop returns the memory of a run that is about to begin, asked or not to force a release.
func NewLoop(force bool) *Loop { return &Loop{force: force, done: map[Kind]bool{}} }

// Force tells whether a forced release is still wanted. Only a release action uses the request up: Flux loses it to an unlock or to drift.
func (l *Loop) Force() bool { return l.force }

// Before says whether to run what was decided, or how the run ends.
func (l *Loop) Before(obj *helmv2.HelmRelease, gates Gates, d Decision) Verdict {
	switch {
	case d.End == EndRetriesExceeded:
		return Verdict{Do: DoRetriesExceeded}
	case d.End == EndMissingRollbackTarget:
		return Verdict{Do: DoMissingRollbackTarget}
	case d.Action == ActionNone:
		return Verdict{Do: DoDone}
	case !l.done[d.Action.Kind()]:
		return Verdict{Do: DoRun}
	}
	policy, active := ActivePolicy(obj, gates)
	switch {
	case policy.RetryOnFailure:
		return Verdict{Do: DoRetryAfter, After: policy.RetryInterval}
	case !active || !policy.Exhausted(ActiveFailures(&obj.Status)):
		return Verdict{Do: DoRequeue}
	default:
		return Verdict{Do: DoDone}
	}
}

// After says how to go on when an action has run. obj is as the action left it.
func (l *Loop) After(obj *helmv2.HelmRelease, gates Gates, d Decision, err error) Verdict {
	kind := d.Action.Kind()
	if kind == KindRelease {
		l.force = false
	}
	policy, active := ActivePolicy(obj, gates)
	switch {
	case policy.RetryOnFailure && (err != nil || kind == KindRemediate):
		return Verdict{Do: DoRetryAfter, After: policy.RetryInterval}
	case err != nil:
		return Verdict{Do: DoError}
	case kind == KindRemediate && active && policy.Exhausted(ActiveFailures(&obj.Status)) && !reinstallsAfter(obj, policy):
		return Verdict{Do: DoRetriesExceeded}
	case kind == KindRemediate:
		return Verdict{Do: DoRequeue}
	}
	l.done[kind] = true
	return Verdict{Do: DoAgain}
}

// reinstallsAfter tells whether the remediation of an upgrade leaves it to an install to go on.
func reinstallsAfter(obj *helmv2.HelmRelease, policy Policy) bool {
	return obj.Status.LastAttemptedReleaseAction == helmv2.ReleaseActionUpgrade && policy.Strategy == helmv2.UninstallRemediation
}
