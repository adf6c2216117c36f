// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

func upgradeRemediation(r helmv2.UpgradeRemediation) func(*release.Facts) {
	return func(f *release.Facts) { f.Object.Spec.Upgrade = &helmv2.Upgrade{Remediation: &r} }
}

func installRemediation(r helmv2.InstallRemediation) func(*release.Facts) {
	return func(f *release.Facts) { f.Object.Spec.Install = &helmv2.Install{Remediation: &r} }
}

func lastUpgrade(failures int64) func(*release.Facts) {
	return func(f *release.Facts) {
		f.Object.Status.LastAttemptedReleaseAction = helmv2.ReleaseActionUpgrade
		f.Object.Status.UpgradeFailures = failures
	}
}

func lastInstall(failures int64) func(*release.Facts) {
	return func(f *release.Facts) {
		f.Object.Status.LastAttemptedReleaseAction = helmv2.ReleaseActionInstall
		f.Object.Status.InstallFailures = failures
	}
}

func force(f *release.Facts) { f.Force = true }

// failedUpgrade makes the newest revision 3 failed, after a failed 2 and a good 1.
func failedUpgrade(f *release.Facts) {
	f.Newest = revision(3, helmrelease.StatusFailed)
	f.Object.Status.History = snapshots(f.Newest, revision(2, helmrelease.StatusFailed), revision(1, helmrelease.StatusSuperseded))
}

func interrupted(action release.Action) func(*release.Facts) {
	return func(f *release.Facts) {
		f.Newest.Intent = &release.Intent{Owner: "uid", Action: action, Interrupted: helmrelease.StatusPendingUpgrade}
	}
}

func retry(f *release.Facts) {
	f.Object.Spec.Upgrade = &helmv2.Upgrade{Strategy: &helmv2.UpgradeStrategy{Name: helmv2.RetryOnFailure}}
}

// TestNext has the rows of 7.2 and 7.3.
func TestNext(t *testing.T) {
	stored := map[int]*release.Revision{1: revision(1, helmrelease.StatusSuperseded)}
	last := true
	cases := map[string]struct {
		reason  string
		state   release.StateName
		change  []func(*release.Facts)
		find    release.Lookup
		want    release.Action
		end     release.End
		target  int
		history []int
	}{
		"InSync":       {reason: "Nothing is to be done.", state: release.StateInSync, end: release.EndDone, history: []int{1}},
		"InSyncForced": {reason: "A forced release upgrades.", state: release.StateInSync, change: []func(*release.Facts){force}, want: release.ActionUpgrade, history: []int{1}},
		"InSyncTruncates": {
			reason: "The history ends at the revision to roll back to.", state: release.StateInSync,
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Status.History = snapshots(revision(4, "deployed"), revision(3, "superseded"), revision(2, "superseded"))
			}},
			end: release.EndDone, history: []int{4, 3},
		},
		"Locked": {reason: "An interrupted release is unlocked.", state: release.StateLocked, want: release.ActionUnlock, history: []int{1}},
		"UninstallingRemediation": {
			reason: "If it was a remediation, as that.", state: release.StateUninstalling, want: release.ActionUninstallRemediation, history: []int{1},
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Status.History[0].Action = string(release.ActionUninstallRemediation)
			}},
		},
		"Uninstalling": {reason: "An interrupted uninstall is finished (Q3).", state: release.StateUninstalling, want: release.ActionUninstall, history: []int{1}},
		"Absent":       {reason: "What is not there is installed.", state: release.StateAbsent, want: release.ActionInstall, history: []int{1}},
		"AbsentExhausted": {
			reason: "Unless no attempt is left.", state: release.StateAbsent, change: []func(*release.Facts){lastInstall(1)},
			end: release.EndRetriesExceeded, history: []int{1},
		},
		"AbsentRetriesLeft": {
			reason: "N retries allow N+1 attempts.", state: release.StateAbsent,
			change: []func(*release.Facts){lastInstall(1), installRemediation(helmv2.InstallRemediation{Retries: 1})},
			want:   release.ActionInstall, history: []int{1},
		},
		"AbsentForced": {
			reason: "Or it is forced.", state: release.StateAbsent, change: []func(*release.Facts){lastInstall(1), force},
			want: release.ActionInstall, history: []int{1},
		},
		"AbsentUnlimited": {
			reason: "Negative retries never end.", state: release.StateAbsent,
			change: []func(*release.Facts){lastInstall(99), installRemediation(helmv2.InstallRemediation{Retries: -1})},
			want:   release.ActionInstall, history: []int{1},
		},
		"Unmanaged": {reason: "The release of somebody else is taken over, with a new history.", state: release.StateUnmanaged, want: release.ActionUpgrade},
		"OutOfSync": {reason: "What differs is upgraded.", state: release.StateOutOfSync, want: release.ActionUpgrade, history: []int{1}},
		"OutOfSyncExhausted": {
			reason: "Unless no attempt is left.", state: release.StateOutOfSync, change: []func(*release.Facts){lastUpgrade(1)},
			end: release.EndRetriesExceeded, history: []int{1},
		},
		"OutOfSyncForced": {
			reason: "Or it is forced.", state: release.StateOutOfSync, change: []func(*release.Facts){lastUpgrade(1), force},
			want: release.ActionUpgrade, history: []int{1},
		},
		"DriftedEnabled": {
			reason: "Drift is corrected.", state: release.StateDrifted, want: release.ActionCorrectDrift, history: []int{1},
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionEnabled}
			}},
		},
		"DriftedWarn": {
			reason: "Or only reported.", state: release.StateDrifted, end: release.EndDone, history: []int{1},
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionWarn}
			}},
		},
		"Untested": {reason: "Tests are run.", state: release.StateUntested, want: release.ActionTest, history: []int{1}},

		"Failed1Retry": {
			reason: "RetryOnFailure upgrades again, however often it failed.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(9), retry}, want: release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"Failed2NoAction": {
			reason: "Without a recorded action nothing is remediated.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade}, want: release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"Failed3CountersClear": {
			reason: "Cleared counters allow another attempt, an upgrade even after an install.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastInstall(0)}, want: release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"Failed4Forced": {
			reason: "A forced release upgrades.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), force}, want: release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"Failed5Exhausted": {
			reason: "Without retries the first failure is the last.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1)}, end: release.EndRetriesExceeded, history: []int{3, 2, 1},
		},
		"Failed6Rollback": {
			reason: "With retries left the release goes back to the last good revision.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1})},
			want:   release.ActionRollback, target: 1, history: []int{3, 2, 1},
		},
		"Failed6RollbackLast": {
			reason: "Also after the last attempt, if that is wanted.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{RemediateLastFailure: &last})},
			want:   release.ActionRollback, target: 1, history: []int{3, 2, 1},
		},
		"Failed6NoTarget": {
			reason: "Without a good revision there is nothing to go back to.", state: release.StateFailed,
			change: []func(*release.Facts){
				failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1}),
				func(f *release.Facts) { f.Object.Status.History = f.Object.Status.History[:2] },
			},
			end: release.EndMissingRollbackTarget, history: []int{3, 2},
		},
		"Failed6TargetGone": {
			reason: "If the good revision is gone from storage, the release is upgraded.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1})},
			find:   func(int) (*release.Revision, error) { return nil, nil },
			want:   release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"Failed6TargetChanged": {
			reason: "Also if somebody changed it.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1})},
			find:   func(int) (*release.Revision, error) { return revision(1, helmrelease.StatusFailed), nil },
			want:   release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"Failed6TargetOurs": {
			reason: "But not if that was ourselves, killed before the status heard of it.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1})},
			find: func(int) (*release.Revision, error) {
				r := revision(1, helmrelease.StatusDeployed)
				r.Intent = &release.Intent{Owner: "uid"}
				return r, nil
			},
			want: release.ActionRollback, target: 1, history: []int{3, 2, 1},
		},
		"Failed6Uninstall": {
			reason: "An upgrade can be remediated by uninstalling.", state: release.StateFailed,
			change: []func(*release.Facts){
				failedUpgrade, lastUpgrade(1),
				upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1, Strategy: new(helmv2.UninstallRemediation)}),
			},
			want: release.ActionUninstallRemediation, history: []int{3, 2, 1},
		},
		"Failed6Install": {
			reason: "An install always is.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastInstall(1), installRemediation(helmv2.InstallRemediation{Retries: 1})},
			want:   release.ActionUninstallRemediation, history: []int{3, 2, 1},
		},
		"FailedTestIgnored": {
			reason: "A revision whose ignored test failed can be gone back to.", state: release.StateFailed,
			change: []func(*release.Facts){
				failedUpgrade, lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1, IgnoreTestFailures: &last}),
				func(f *release.Facts) { f.Object.Status.History[2].TestHooks = phase("Failed") },
			},
			want: release.ActionRollback, target: 1, history: []int{3, 2, 1},
		},

		"InterruptedUpgrade": {
			reason: "An upgrade that a crash interrupted is done again; it used up no attempt.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), interrupted(release.ActionUpgrade)},
			want:   release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"InterruptedInstall": {
			reason: "An interrupted install goes on as an upgrade.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastInstall(1), interrupted(release.ActionInstall)},
			want:   release.ActionUpgrade, history: []int{3, 2, 1},
		},
		"InterruptedRollback": {
			reason: "An interrupted rollback is done again, even if no attempt is left.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), interrupted(release.ActionRollback)},
			want:   release.ActionRollback, target: 1, history: []int{3, 2, 1},
		},
		"InterruptedOfOther": {
			reason: "What another object began is none of our business.", state: release.StateFailed,
			change: []func(*release.Facts){failedUpgrade, lastUpgrade(1), interrupted(release.ActionRollback), func(f *release.Facts) { f.Object.UID = "other" }},
			end:    release.EndRetriesExceeded, history: []int{3, 2, 1},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := facts()
			for _, change := range tc.change {
				change(&f)
			}
			find := tc.find
			if find == nil {
				find = func(version int) (*release.Revision, error) { return stored[version], nil }
			}
			got, err := release.Next(f, release.State{Name: tc.state}, find)
			if err != nil {
				t.Fatalf("%s\nNext: %v", tc.reason, err)
			}
			if got.Action != tc.want || got.End != tc.end {
				t.Errorf("%s\nNext: %q, end %d (%s), want %q, end %d", tc.reason, got.Action, got.End, got.Reason, tc.want, tc.end)
			}
			target := 0
			if got.Target != nil {
				target = got.Target.Version
			}
			if target != tc.target {
				t.Errorf("%s\nNext: rolls back to %d, want %d", tc.reason, target, tc.target)
			}
			if diff := cmp.Diff(tc.history, versions(got.History)); diff != "" {
				t.Errorf("%s\nhistory, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNextStorageError(t *testing.T) {
	f := facts()
	failedUpgrade(&f)
	lastUpgrade(1)(&f)
	upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1})(&f)
	broken := errors.New("broken")
	find := func(int) (*release.Revision, error) { return nil, broken }
	if _, err := release.Next(f, release.State{Name: release.StateFailed}, find); !errors.Is(err, broken) {
		t.Errorf("Next: %v, want the error of storage", err)
	}
	if _, err := release.Next(f, release.State{}, find); err == nil {
		t.Error("Next: no error for no state")
	}
}

// TestLoop has the rules of 7.5.
func TestLoop(t *testing.T) {
	boom := errors.New("boom")
	act := func(a release.Action) release.Decision { return release.Decision{Action: a} }
	gates := release.Gates{}
	cases := map[string]struct {
		reason string
		change []func(*release.Facts)
		ran    []release.Action // went well before
		before release.Decision
		err    error
		want   release.Verdict // of Before if ran is set or there is nothing to run, else of After
	}{
		"Done":          {reason: "Nothing to do is success.", before: release.Decision{End: release.EndDone}, want: release.Verdict{Do: release.DoDone}},
		"Exceeded":      {reason: "No attempt is left.", before: release.Decision{End: release.EndRetriesExceeded}, want: release.Verdict{Do: release.DoRetriesExceeded}},
		"MissingTarget": {reason: "Nothing to go back to.", before: release.Decision{End: release.EndMissingRollbackTarget}, want: release.Verdict{Do: release.DoMissingRollbackTarget}},
		"OtherKind":     {reason: "Another kind of action runs.", ran: []release.Action{release.ActionInstall}, before: act(release.ActionTest), want: release.Verdict{Do: release.DoRun}},
		"SameKindNone": {
			reason: "The same kind again without remediation needs another run.", ran: []release.Action{release.ActionUpgrade},
			before: act(release.ActionInstall), want: release.Verdict{Do: release.DoRequeue},
		},
		"SameKindLeft": {
			reason: "So it does while attempts are left.", ran: []release.Action{release.ActionUpgrade}, change: []func(*release.Facts){lastUpgrade(0)},
			before: act(release.ActionUpgrade), want: release.Verdict{Do: release.DoRequeue},
		},
		"SameKindExhausted": {
			reason: "Without attempts left the run ends.", ran: []release.Action{release.ActionUpgrade}, change: []func(*release.Facts){lastUpgrade(1)},
			before: act(release.ActionUpgrade), want: release.Verdict{Do: release.DoDone},
		},
		"SameKindRetry": {
			reason: "RetryOnFailure comes back later.", ran: []release.Action{release.ActionUpgrade}, change: []func(*release.Facts){retry, lastUpgrade(3)},
			before: act(release.ActionUpgrade), want: release.Verdict{Do: release.DoRetryAfter, After: 5 * time.Minute},
		},
		"Again":      {reason: "After an action the state is determined again.", before: act(release.ActionInstall), want: release.Verdict{Do: release.DoAgain}},
		"Error":      {reason: "An error ends the run.", before: act(release.ActionInstall), err: boom, want: release.Verdict{Do: release.DoError}},
		"ErrorRetry": {reason: "Under RetryOnFailure it is retried later.", change: []func(*release.Facts){retry, lastUpgrade(1)}, before: act(release.ActionUpgrade), err: boom, want: release.Verdict{Do: release.DoRetryAfter, After: 5 * time.Minute}},
		"RemediatedLeft": {
			reason: "After a remediation with attempts left there is another run.",
			change: []func(*release.Facts){lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Retries: 1})},
			before: act(release.ActionRollback), want: release.Verdict{Do: release.DoRequeue},
		},
		"RemediatedExhausted": {
			reason: "Without attempts left that was it.", change: []func(*release.Facts){lastUpgrade(1)},
			before: act(release.ActionRollback), want: release.Verdict{Do: release.DoRetriesExceeded},
		},
		"RemediatedByUninstall": {
			reason: "An upgrade remediated by uninstalling is followed by an install.",
			change: []func(*release.Facts){lastUpgrade(1), upgradeRemediation(helmv2.UpgradeRemediation{Strategy: new(helmv2.UninstallRemediation)})},
			before: act(release.ActionUninstallRemediation), want: release.Verdict{Do: release.DoRequeue},
		},
		"RemediatedInstall": {
			reason: "An install remediated after its last attempt is not.", change: []func(*release.Facts){lastInstall(1)},
			before: act(release.ActionUninstallRemediation), want: release.Verdict{Do: release.DoRetriesExceeded},
		},
		"RemediatedNone": {reason: "Without an active remediation there is another run.", before: act(release.ActionRollback), want: release.Verdict{Do: release.DoRequeue}},
		"RemediatedRetry": {
			reason: "Under RetryOnFailure it comes later.", change: []func(*release.Facts){retry, lastUpgrade(1)},
			before: act(release.ActionRollback), want: release.Verdict{Do: release.DoRetryAfter, After: 5 * time.Minute},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := facts()
			for _, change := range tc.change {
				change(&f)
			}
			loop := release.NewLoop(true)
			for _, a := range tc.ran {
				loop.After(f.Object, gates, act(a), nil)
			}
			got := loop.Before(f.Object, gates, tc.before)
			if len(tc.ran) == 0 && got.Do == release.DoRun {
				got = loop.After(f.Object, gates, tc.before, tc.err)
			}
			if got != tc.want {
				t.Errorf("%s\ngot %+v, want %+v", tc.reason, got, tc.want)
			}
		})
	}
}

// TestLoopForce has Q7: only a release action uses up the request.
func TestLoopForce(t *testing.T) {
	f, loop := facts(), release.NewLoop(true)
	for _, a := range []release.Action{release.ActionUnlock, release.ActionCorrectDrift, release.ActionTest} {
		if loop.After(f.Object, f.Gates, release.Decision{Action: a}, nil); !loop.Force() {
			t.Errorf("%s used up the request", a)
		}
	}
	if loop.After(f.Object, f.Gates, release.Decision{Action: release.ActionUpgrade}, errors.New("boom")); loop.Force() {
		t.Error("a release action did not use up the request")
	}
}

func TestPolicies(t *testing.T) {
	yes := true
	cases := map[string]struct {
		reason           string
		spec             helmv2.HelmReleaseSpec
		gates            release.Gates
		install, upgrade release.Policy
	}{
		"Defaults": {
			reason:  "Nothing is retried.",
			install: release.Policy{Strategy: helmv2.UninstallRemediation, RetryInterval: 5 * time.Minute},
			upgrade: release.Policy{Strategy: helmv2.RollbackRemediation, RetryInterval: 5 * time.Minute},
		},
		"Gate": {
			reason: "A gate makes retrying the default.", gates: release.Gates{DefaultToRetryOnFailure: true},
			install: release.Policy{Strategy: helmv2.UninstallRemediation, RetryInterval: 5 * time.Minute, RetryOnFailure: true},
			upgrade: release.Policy{Strategy: helmv2.RollbackRemediation, RetryInterval: 5 * time.Minute, RetryOnFailure: true},
		},
		"Retries": {
			reason: "With retries the last failed upgrade is remediated, the last failed install is not; tests are as spec.test says.",
			spec: helmv2.HelmReleaseSpec{
				Test:    &helmv2.Test{IgnoreFailures: true},
				Install: &helmv2.Install{Remediation: &helmv2.InstallRemediation{Retries: 2}},
				Upgrade: &helmv2.Upgrade{Remediation: &helmv2.UpgradeRemediation{Retries: 2}},
			},
			install: release.Policy{Retries: 2, IgnoreTestFailures: true, Strategy: helmv2.UninstallRemediation, RetryInterval: 5 * time.Minute},
			upgrade: release.Policy{Retries: 2, IgnoreTestFailures: true, RemediateLast: true, Strategy: helmv2.RollbackRemediation, RetryInterval: 5 * time.Minute},
		},
		"Given": {
			reason: "What is given counts; negative retries do not remediate the last failure by themselves.",
			spec: helmv2.HelmReleaseSpec{
				Install: &helmv2.Install{
					Strategy:    &helmv2.InstallStrategy{Name: helmv2.RetryOnFailure, RetryInterval: &metav1.Duration{Duration: time.Minute}},
					Remediation: &helmv2.InstallRemediation{RemediateLastFailure: &yes, IgnoreTestFailures: &yes},
				},
				Upgrade: &helmv2.Upgrade{
					Strategy:    &helmv2.UpgradeStrategy{Name: helmv2.RetryOnFailure, RetryInterval: &metav1.Duration{Duration: time.Hour}},
					Remediation: &helmv2.UpgradeRemediation{Retries: -1, Strategy: new(helmv2.UninstallRemediation)},
				},
			},
			install: release.Policy{RemediateLast: true, IgnoreTestFailures: true, Strategy: helmv2.UninstallRemediation, RetryOnFailure: true, RetryInterval: time.Minute},
			upgrade: release.Policy{Retries: -1, Strategy: helmv2.UninstallRemediation, RetryOnFailure: true, RetryInterval: time.Hour},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := &helmv2.HelmRelease{Spec: tc.spec}
			if diff := cmp.Diff(tc.install, release.InstallPolicy(obj, tc.gates)); diff != "" {
				t.Errorf("%s\ninstall, -want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.upgrade, release.UpgradePolicy(obj, tc.gates)); diff != "" {
				t.Errorf("%s\nupgrade, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestExhausted(t *testing.T) {
	for name, tc := range map[string]struct {
		policy   release.Policy
		failures int64
		want     bool
	}{
		"None":      {failures: 0},
		"First":     {failures: 1, want: true},
		"OneLeft":   {policy: release.Policy{Retries: 1}, failures: 1},
		"Second":    {policy: release.Policy{Retries: 1}, failures: 2, want: true},
		"Unlimited": {policy: release.Policy{Retries: -1}, failures: 100},
		"Retry":     {policy: release.Policy{RetryOnFailure: true}, failures: 100},
	} {
		if got := tc.policy.Exhausted(tc.failures); got != tc.want {
			t.Errorf("%s: Exhausted(%d) = %t", name, tc.failures, got)
		}
	}
}

func TestCountFailure(t *testing.T) {
	s := &helmv2.HelmReleaseStatus{}
	release.CountFailure(s, true) // no action yet
	s.LastAttemptedReleaseAction = helmv2.ReleaseActionInstall
	release.CountFailure(s, true)
	release.CountFailure(s, false)
	s.LastAttemptedReleaseAction = helmv2.ReleaseActionUpgrade
	release.CountFailure(s, true)
	if s.Failures != 4 || s.InstallFailures != 1 || s.UpgradeFailures != 1 || release.ActiveFailures(s) != 1 {
		t.Errorf("counters %d, %d, %d", s.Failures, s.InstallFailures, s.UpgradeFailures)
	}
	if release.ClearFailures(s); s.Failures+s.InstallFailures+s.UpgradeFailures != 0 {
		t.Error("ClearFailures left some")
	}
}

func TestResetDue(t *testing.T) {
	values := map[string]any{"a": "b"}
	cases := map[string]struct {
		reason string
		change func(*helmv2.HelmRelease, *release.Attempt)
		want   string
	}{
		"Same":       {reason: "Nothing changed.", change: func(*helmv2.HelmRelease, *release.Attempt) {}},
		"Generation": {reason: "Another spec.", change: func(o *helmv2.HelmRelease, _ *release.Attempt) { o.Generation++ }, want: "generation changed"},
		"Chart":      {reason: "Another chart version.", change: func(_ *helmv2.HelmRelease, a *release.Attempt) { a.ChartVersion = "2.0.0" }, want: "chart version changed"},
		"Values":     {reason: "Other values.", change: func(_ *helmv2.HelmRelease, a *release.Attempt) { a.Values = nil }, want: "values changed"},
		"Reset":      {reason: "It was asked for.", change: func(_ *helmv2.HelmRelease, a *release.Attempt) { a.Reset = true }, want: "reset requested"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			digest, err := release.ConfigDigest("", values)
			if err != nil {
				t.Fatal(err)
			}
			obj := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Generation: 3}, Status: helmv2.HelmReleaseStatus{
				LastAttemptedGeneration: 3, LastAttemptedRevision: "1.0.0", LastAttemptedConfigDigest: digest.String(),
			}}
			attempt := release.Attempt{ChartVersion: "1.0.0", Values: values}
			tc.change(obj, &attempt)
			if got := release.ResetDue(obj, attempt); got != tc.want {
				t.Errorf("%s\nResetDue: %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
