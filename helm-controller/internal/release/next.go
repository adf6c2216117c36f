// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// Action is what can be done about a release. Those that leave a trace in a snapshot have the name that snapshots show.
type Action string

// The actions.
const (
	// ActionNone is no action.
	ActionNone Action = ""
	// ActionInstall makes the first revision.
	ActionInstall Action = "install"
	// ActionUpgrade makes a later one.
	ActionUpgrade Action = "upgrade"
	// ActionTest runs the test hooks.
	ActionTest Action = "test"
	// ActionUnlock marks an interrupted revision as failed.
	ActionUnlock Action = "unlock"
	// ActionRollback goes back to an earlier revision, as a remediation.
	ActionRollback Action = "rollback"
	// ActionUninstall removes the release: its target changed, its object is deleted, or an uninstall was interrupted.
	ActionUninstall Action = "uninstall"
	// ActionUninstallRemediation removes the release, as a remediation.
	ActionUninstallRemediation Action = "uninstall-remediation"
	// ActionCorrectDrift puts the cluster back to what the release says.
	ActionCorrectDrift Action = "correct cluster drift"
)

// End says how a run ends that has nothing to do.
type End int

// The ends.
const (
	// EndNone means that there is an action.
	EndNone End = iota
	// EndDone means that all is as it should be, or only to be reported.
	EndDone
	// EndRetriesExceeded means that no attempt is left.
	EndRetriesExceeded
	// EndMissingRollbackTarget means that there is nothing to roll back to.
	EndMissingRollbackTarget
)

// Decision is what to do.
type Decision struct {
	// Action is ActionNone together with an End.
	Action Action
	End    End
	// Target of a rollback.
	Target *helmv2.Snapshot
	// History to write to the status before acting: truncated, cleared, or as it was.
	History helmv2.Snapshots
	// Reason for logs.
	Reason string
}

// Lookup returns a stored revision, nil when it is gone.
type Lookup func(version int) (*Revision, error)

// Next returns what to do in a state. find is asked only about the target of a rollback. Contract 7.2.
func Next(f Facts, s State, find Lookup) (Decision, error) {
	d := Decision{History: f.history(), Reason: s.Reason}
	switch s.Name {
	case StateInSync:
		return inSync(f, d), nil
	case StateLocked:
		d.Action = ActionUnlock
	case StateUninstalling:
		d.Action = f.uninstalling()
	case StateAbsent:
		return unlessExhausted(f, d, ActionInstall), nil
	case StateUnmanaged:
		d.Action, d.History = ActionUpgrade, nil
	case StateOutOfSync:
		return unlessExhausted(f, d, ActionUpgrade), nil
	case StateDrifted:
		if driftMode(f.Object) != helmv2.DriftDetectionEnabled {
			return d.end(EndDone), nil
		}
		d.Action = ActionCorrectDrift
	case StateUntested:
		d.Action = ActionTest
	case StateFailed:
		return failed(f, d, find)
	default:
		return Decision{}, fmt.Errorf("no action for state %q", s.Name)
	}
	return d, nil
}

func (d Decision) end(e End) Decision {
	d.Action, d.End = ActionNone, e
	return d
}

func (d Decision) act(a Action, reason string) Decision {
	d.Action, d.Reason = a, reason
	return d
}

func inSync(f Facts, d Decision) Decision {
	if policy, _ := ActivePolicy(f.Object, f.Gates); policy.RetryOnFailure {
		d.History = TruncateForRetry(d.History)
	} else {
		d.History = Truncate(d.History, IgnoreTestFailures(f.Object, f.Gates))
	}
	if f.Force {
		return d.act(ActionUpgrade, "forced")
	}
	return d.end(EndDone)
}

func unlessExhausted(f Facts, d Decision, a Action) Decision {
	policy, failures := InstallPolicy(f.Object, f.Gates), f.Object.Status.InstallFailures
	if a == ActionUpgrade {
		policy, failures = UpgradePolicy(f.Object, f.Gates), f.Object.Status.UpgradeFailures
	}
	if policy.Exhausted(failures) && !f.Force {
		return d.end(EndRetriesExceeded)
	}
	d.Action = a
	return d
}

// failed decides what follows a failure. Contract 7.3, whose order this is, with the rules for what a crash interrupted after its first.
func failed(f Facts, d Decision, find Lookup) (Decision, error) {
	policy, active := ActivePolicy(f.Object, f.Gates)
	interrupted := f.interrupted()
	switch {
	case active && policy.RetryOnFailure:
		d.History = TruncateForRetry(d.History)
		return d.act(ActionUpgrade, "retry on failure"), nil
	case interrupted == ActionInstall || interrupted == ActionUpgrade:
		return d.act(ActionUpgrade, "resume after interruption"), nil
	case interrupted == ActionRollback:
		return remediate(f, d, Policy{Strategy: helmv2.RollbackRemediation, IgnoreTestFailures: policy.IgnoreTestFailures}, find)
	case !active:
		return d.act(ActionUpgrade, "no action recorded"), nil
	case ActiveFailures(&f.Object.Status) == 0:
		return d.act(ActionUpgrade, "failure counters are clear"), nil
	case f.Force:
		return d.act(ActionUpgrade, "forced"), nil
	case policy.Exhausted(ActiveFailures(&f.Object.Status)) && !policy.RemediateLast:
		return d.end(EndRetriesExceeded), nil
	}
	return remediate(f, d, policy, find)
}

// interrupted returns the action of ours that a crash interrupted, none if the newest revision came to its end.
func (f Facts) interrupted() Action {
	if f.Newest == nil || !f.Newest.IsOf(f.Object.UID) || f.Newest.Intent.Interrupted == "" {
		return ActionNone
	}
	return f.Newest.Intent.Action
}

// uninstalling returns the action that goes on with an uninstall: that which began it, if the history knows.
func (f Facts) uninstalling() Action {
	if latest := f.Object.Status.History.Latest(); latest != nil && latest.Version == f.Newest.Version && latest.Action == string(ActionUninstallRemediation) {
		return ActionUninstallRemediation
	}
	return ActionUninstall
}

func remediate(f Facts, d Decision, policy Policy, find Lookup) (Decision, error) {
	d.History = Truncate(d.History, policy.IgnoreTestFailures)
	if policy.Strategy == helmv2.UninstallRemediation {
		return d.act(ActionUninstallRemediation, "uninstall failed release"), nil
	}
	target := RollbackTarget(d.History, policy.IgnoreTestFailures)
	if target == nil {
		return d.end(EndMissingRollbackTarget), nil
	}
	stored, err := find(target.Version)
	if err != nil {
		return Decision{}, fmt.Errorf("read revision %d to roll back to: %w", target.Version, err)
	}
	// A revision that we wrote last is the one we made, even if a crash kept its last state (deployed, then superseded) from the status.
	if stored == nil || Verify(target, stored) != nil && !stored.IsOf(f.Object.UID) {
		return d.act(ActionUpgrade, "revision to roll back to is gone or changed"), nil
	}
	d.Target = target
	return d.act(ActionRollback, "roll back failed release"), nil
}
