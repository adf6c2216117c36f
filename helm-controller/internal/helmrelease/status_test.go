// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

var errBroken = errors.New("it broke")

// latest is the newest snapshot of the object in these tests.
func latest() *helmv2.Snapshot {
	return &helmv2.Snapshot{
		Name: "app", Namespace: "team", Version: 2, Status: "deployed", Action: "upgrade",
		ChartName: "podinfo", ChartVersion: "6.6.0", AppVersion: "6.6", ConfigDigest: "sha256:aa",
	}
}

func newScope(edit func(*scope)) *scope {
	obj := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "app", Generation: 3}}
	obj.Status.History = helmv2.Snapshots{latest()}
	s := &scope{obj: obj, last: &record{}, algorithm: artifact.SHA256}
	if edit != nil {
		edit(s)
	}
	return s
}

// show prints the conditions, in their order, without times.
func show(obj *helmv2.HelmRelease) []string {
	var lines []string
	for _, c := range obj.Status.Conditions {
		lines = append(lines, fmt.Sprintf("%s=%s/%s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return lines
}

func ended(phase string, err error) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(err), Phase: phase}
}

// TestReports holds one row per action and end of it: the condition and Ready.
func TestReports(t *testing.T) {
	about := func(p report) report { return p.about(latest()) }
	failed := report{fault: errBroken, release: "team/app", chart: "podinfo@6.6.0"}
	with := func(a release.Action, p report) report { p.action = a; return p }
	cases := map[string]struct {
		reason string
		edit   func(*scope)
		report report
		want   []string
	}{
		"InstallSucceeded": {
			reason: "An install that succeeded makes Ready True.", report: about(report{action: release.ActionInstall}),
			want: []string{
				"Ready=True/InstallSucceeded: Helm install succeeded for release team/app.v2 with chart podinfo@6.6.0",
				"Released=True/InstallSucceeded: Helm install succeeded for release team/app.v2 with chart podinfo@6.6.0",
			},
		},
		"InstallFailed": {
			reason: "One that failed names the release without a revision.", report: with(release.ActionInstall, failed),
			want: []string{
				"Ready=False/InstallFailed: Helm install failed for release team/app with chart podinfo@6.6.0: it broke",
				"Released=False/InstallFailed: Helm install failed for release team/app with chart podinfo@6.6.0: it broke",
			},
		},
		"UpgradeAwaitsTests": {
			reason: "With tests Ready waits for them.", edit: func(s *scope) { s.obj.Spec.Test = &helmv2.Test{Enable: true} },
			report: about(report{action: release.ActionUpgrade, untested: true}),
			want: []string{
				"Ready=Unknown/AwaitingTests: Helm release team/app.v2 with chart podinfo@6.6.0 is awaiting tests",
				"Released=True/UpgradeSucceeded: Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0",
				"TestSuccess=Unknown/AwaitingTests: Helm release team/app.v2 with chart podinfo@6.6.0 is awaiting tests",
			},
		},
		"TestsIgnored": {
			reason: "Tests whose failures are ignored do not concern Ready.", edit: func(s *scope) {
				s.obj.Spec.Test = &helmv2.Test{Enable: true, IgnoreFailures: true}
				conditions.MarkTrue(s.obj, helmv2.ReleasedCondition, helmv2.InstallSucceededReason, "installed")
			},
			report: about(report{action: release.ActionTest, fault: errBroken}),
			want: []string{
				"Ready=True/InstallSucceeded: installed",
				"Released=True/InstallSucceeded: installed",
				"TestSuccess=False/TestFailed: Helm test failed for release team/app.v2 with chart podinfo@6.6.0: it broke",
			},
		},
		"TestSucceeded": {
			reason: "A test that succeeded counts its hooks.", edit: func(s *scope) { s.obj.Spec.Test = &helmv2.Test{Enable: true} },
			report: about(report{action: release.ActionTest, tests: 2}),
			want: []string{
				"Ready=True/TestSucceeded: Helm test succeeded for release team/app.v2 with chart podinfo@6.6.0: 2 test hooks completed successfully",
				"TestSuccess=True/TestSucceeded: Helm test succeeded for release team/app.v2 with chart podinfo@6.6.0: 2 test hooks completed successfully",
			},
		},
		"NoTests": {
			reason: "One without hooks says so.", edit: func(s *scope) { s.obj.Spec.Test = &helmv2.Test{Enable: true} },
			report: about(report{action: release.ActionTest}),
			want: []string{
				"Ready=True/TestSucceeded: Helm test succeeded for release team/app.v2 with chart podinfo@6.6.0: no test hooks",
				"TestSuccess=True/TestSucceeded: Helm test succeeded for release team/app.v2 with chart podinfo@6.6.0: no test hooks",
			},
		},
		"RollbackSucceeded": {
			reason: "However well a remediation went, the object is not ready.", report: about(report{action: release.ActionRollback}),
			want: []string{
				"Ready=False/RollbackSucceeded: Helm rollback to previous release team/app.v2 with chart podinfo@6.6.0 succeeded",
				"Remediated=True/RollbackSucceeded: Helm rollback to previous release team/app.v2 with chart podinfo@6.6.0 succeeded",
			},
		},
		"RollbackFailed": {
			reason: "One that failed is not, either.", report: about(report{action: release.ActionRollback, fault: errBroken}),
			want: []string{
				"Ready=False/RollbackFailed: Helm rollback to previous release team/app.v2 with chart podinfo@6.6.0 failed: it broke",
				"Remediated=False/RollbackFailed: Helm rollback to previous release team/app.v2 with chart podinfo@6.6.0 failed: it broke",
			},
		},
		"UninstallRemediation": {
			reason: "After an uninstall Ready keeps saying what failed.", edit: func(s *scope) {
				conditions.MarkFalse(s.obj, meta.ReadyCondition, helmv2.InstallFailedReason, "why")
			},
			report: about(report{action: release.ActionUninstallRemediation}),
			want: []string{
				"Ready=False/InstallFailed: why",
				"Remediated=True/UninstallSucceeded: Helm uninstall remediation for release team/app.v2 with chart podinfo@6.6.0 succeeded",
			},
		},
		"Unlock": {
			reason: "An unlocked release is not released.", report: about(report{action: release.ActionUnlock, was: "pending-upgrade"}),
			want: []string{
				"Ready=False/PendingRelease: Unlocked Helm release team/app.v2 with chart podinfo@6.6.0 in pending-upgrade state",
				"Released=False/PendingRelease: Unlocked Helm release team/app.v2 with chart podinfo@6.6.0 in pending-upgrade state",
			},
		},
		"UnlockFailed": {
			reason: "Nor is one that could not be unlocked.", report: about(report{action: release.ActionUnlock, was: "pending-install", fault: errBroken}),
			want: []string{
				"Ready=False/PendingRelease: Unlock of Helm release team/app.v2 with chart podinfo@6.6.0 in pending-install state failed: it broke",
				"Released=False/PendingRelease: Unlock of Helm release team/app.v2 with chart podinfo@6.6.0 in pending-install state failed: it broke",
			},
		},
		"Uninstall": {
			reason: "Nor is one that is uninstalled.", report: about(report{action: release.ActionUninstall}),
			want: []string{
				"Ready=False/UninstallSucceeded: Helm uninstall succeeded for release team/app.v2 with chart podinfo@6.6.0",
				"Released=False/UninstallSucceeded: Helm uninstall succeeded for release team/app.v2 with chart podinfo@6.6.0",
			},
		},
		"UninstallNothing": {
			reason: "What is not there is uninstalled.", report: about(report{action: release.ActionUninstall, note: "Release team/app.v2 was not found, assuming it is uninstalled"}),
			want: []string{
				"Ready=False/UninstallSucceeded: Release team/app.v2 was not found, assuming it is uninstalled",
				"Released=False/UninstallSucceeded: Release team/app.v2 was not found, assuming it is uninstalled",
			},
		},
		"Begins": {
			reason: "A release action voids what tests and remediations said.", edit: func(s *scope) {
				conditions.MarkTrue(s.obj, helmv2.TestSuccessCondition, "X", "x")
				conditions.MarkTrue(s.obj, helmv2.RemediatedCondition, "X", "x")
			},
			report: report{action: release.ActionUpgrade, begins: true},
		},
		"TestsBegin": {
			reason: "What a remediation brought back and is tested now is released.", edit: func(s *scope) {
				conditions.MarkFalse(s.obj, helmv2.ReleasedCondition, helmv2.UpgradeFailedReason, "failed")
				conditions.MarkTrue(s.obj, helmv2.RemediatedCondition, helmv2.RollbackSucceededReason, "rolled back")
			},
			report: report{action: release.ActionTest, begins: true},
			want:   []string{"Released=True/UpgradeSucceeded: Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0"},
		},
		"OlderRemediation": {
			reason: "A condition about this generation goes before one about an earlier.", edit: func(s *scope) {
				s.obj.Generation = 2
				conditions.MarkTrue(s.obj, helmv2.RemediatedCondition, helmv2.RollbackSucceededReason, "rolled back")
				s.obj.Generation = 3
			},
			report: about(report{action: release.ActionUnlock, was: "pending-upgrade"}),
			want: []string{
				"Ready=False/PendingRelease: Unlocked Helm release team/app.v2 with chart podinfo@6.6.0 in pending-upgrade state",
				"Released=False/PendingRelease: Unlocked Helm release team/app.v2 with chart podinfo@6.6.0 in pending-upgrade state",
				"Remediated=True/RollbackSucceeded: rolled back",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScope(tc.edit)
			s.reports = []report{tc.report}
			setReports(s)
			setReports(s) // once is enough
			if diff := cmp.Diff(tc.want, show(s.obj)); diff != "" {
				t.Errorf("%s\nconditions (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestEnds holds one row per way a run can end or stand.
func TestEnds(t *testing.T) {
	wasReady := func(s *scope) {
		conditions.MarkTrue(s.obj, helmv2.ReleasedCondition, helmv2.UpgradeSucceededReason, "upgraded")
		conditions.MarkTrue(s.obj, meta.ReadyCondition, helmv2.UpgradeSucceededReason, "upgraded")
	}
	hasFailed := func(s *scope) {
		conditions.MarkFalse(s.obj, helmv2.ReleasedCondition, helmv2.UpgradeFailedReason, "failed")
		conditions.MarkFalse(s.obj, meta.ReadyCondition, helmv2.UpgradeFailedReason, "failed")
	}
	sourceMissing := func(s *scope) {
		conditions.MarkFalse(s.obj, meta.ReadyCondition, helmv2.SourceNotReadyReason, "not ready")
	}
	stillReady := []string{"Ready=True/UpgradeSucceeded: upgraded", "Released=True/UpgradeSucceeded: upgraded"}
	stillFailed := []string{"Ready=False/UpgradeFailed: failed", "Released=False/UpgradeFailed: failed"}
	retriesUpgraded := func(reason string) []string {
		return []string{
			"Reconciling=True/ProgressingWithRetry: it broke", "Ready=False/" + reason + ": it broke", "Released=True/UpgradeSucceeded: upgraded",
		}
	}
	inSync := func(edit func(*scope)) func(*scope) {
		return func(s *scope) {
			s.state.Name = release.StateInSync
			edit(s)
		}
	}
	cases := map[string]struct {
		reason   string
		edit     func(*scope)
		result   reconcile.Result
		want     []string
		observed bool
	}{
		"Install": {
			reason: "A release action shows in Ready.", edit: func(s *scope) { s.doing = release.ActionInstall }, result: reconcile.Result{Running: true},
			want: []string{
				"Reconciling=True/Progressing: Running 'install' action with timeout of 5m0s",
				"Ready=Unknown/Progressing: Running 'install' action with timeout of 5m0s",
			},
		},
		"Rollback": {
			reason: "Another does not.", edit: func(s *scope) { hasFailed(s); s.doing = release.ActionRollback }, result: reconcile.Result{Running: true},
			want: []string{
				"Reconciling=True/Progressing: Running 'rollback' action with timeout of 5m0s",
				"Ready=False/UpgradeFailed: failed",
				"Released=False/UpgradeFailed: failed",
			},
		},
		"Remediation": {
			reason: "A remediating uninstall is an uninstall.", edit: func(s *scope) { s.doing = release.ActionUninstallRemediation }, result: reconcile.Result{Running: true},
			want: []string{"Reconciling=True/Progressing: Running 'uninstall' action with timeout of 5m0s"},
		},
		"InSync": {
			reason: "Nothing to do leaves everything as it is.", edit: inSync(wasReady), observed: true,
			want: stillReady,
		},
		"InSyncAfterStall": {
			reason: "What stalled is over.", edit: inSync(func(s *scope) {
				wasReady(s)
				conditions.MarkStalled(s.obj, "X", "x")
			}), observed: true,
			want: stillReady,
		},
		"InSyncAfterRollback": {
			reason: "A rollback to what is wanted now is an upgrade that succeeded.", edit: inSync(func(s *scope) {
				hasFailed(s)
				conditions.MarkTrue(s.obj, helmv2.RemediatedCondition, helmv2.RollbackSucceededReason, "rolled back")
			}), observed: true,
			want: []string{
				"Ready=True/UpgradeSucceeded: Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0",
				"Released=True/UpgradeSucceeded: Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0",
			},
		},
		"InSyncAfterFailure": {
			reason: "A failure that is cured from outside is over.", edit: inSync(hasFailed), observed: true,
			want: []string{
				"Ready=True/UpgradeSucceeded: Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0",
				"Released=True/UpgradeSucceeded: Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0",
			},
		},
		"NoDrift": {
			reason: "With drift detection the condition says that there is none.", edit: inSync(func(s *scope) {
				wasReady(s)
				s.obj.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionEnabled}
				s.checked = true
			}), observed: true,
			want: []string{
				"Ready=True/UpgradeSucceeded: upgraded",
				"Drifted=False/NoDriftDetected: No drift detected against the cluster state",
				"Released=True/UpgradeSucceeded: upgraded",
			},
		},
		"DriftOff": {
			reason: "Quirk Q6: without it the condition goes.", edit: inSync(func(s *scope) {
				wasReady(s)
				conditions.MarkTrue(s.obj, helmv2.DriftedCondition, helmv2.DriftDetectedReason, "drifted")
			}), observed: true,
			want: stillReady,
		},
		"Dependency": {
			reason: "A dependency that is not ready is a prerequisite.", result: ended("depends", outcome.Wait(time.Minute, helmv2.DependencyNotReadyReason, "dependency 'a/b' is not ready")),
			want: []string{
				"Reconciling=True/Progressing: Fulfilling prerequisites",
				"Ready=False/DependencyNotReady: dependency 'a/b' is not ready",
			},
		},
		"Downloading": {
			reason: "A chart on its way takes back what another prerequisite said.", edit: func(s *scope) {
				conditions.MarkFalse(s.obj, meta.ReadyCondition, helmv2.SourceNotReadyReason, "not ready")
			},
			result: ended("chart", outcome.Wait(0, meta.ProgressingReason, "artifact is being downloaded")),
			want: []string{
				"Reconciling=True/Progressing: Fulfilling prerequisites",
				"Ready=Unknown/Progressing: reconciliation in progress",
			},
		},
		"DriftCorrection": {
			reason: "Until drift is corrected nothing is known.", edit: func(s *scope) { wasReady(s); s.doing = release.ActionCorrectDrift }, result: reconcile.Result{Running: true},
			want: []string{
				"Reconciling=True/Progressing: Running 'correct cluster drift' action with timeout of 5m0s",
				"Ready=Unknown/Progressing: correcting cluster drift",
				"Released=True/UpgradeSucceeded: upgraded",
			},
		},
		"TestAfterWait": {
			reason: "An action takes back what a prerequisite said.", edit: func(s *scope) { wasReady(s); sourceMissing(s); s.doing = release.ActionTest }, result: reconcile.Result{Running: true},
			want: []string{
				"Reconciling=True/Progressing: Running 'test' action with timeout of 5m0s",
				"Ready=Unknown/Progressing: reconciliation in progress",
				"Released=True/UpgradeSucceeded: upgraded",
			},
		},
		"ExceededAfterWait": {
			reason: "A source that was away for a while does not hide what failed.", edit: func(s *scope) { hasFailed(s); sourceMissing(s) }, observed: true,
			result: ended(phaseRelease, outcome.Stall(helmv2.RetriesExceededReason, errBroken)),
			want:   append([]string{"Stalled=True/RetriesExceeded: it broke"}, stillFailed...),
		},
		"RetryAfterWait": {
			reason: "Nor does it while another attempt is to come.", edit: func(s *scope) { hasFailed(s); sourceMissing(s) },
			result: ended(phaseRelease, outcome.Wait(time.Second, meta.ProgressingWithRetryReason, "")),
			want:   append([]string{"Reconciling=True/ProgressingWithRetry: failed"}, stillFailed...),
		},
		"ErrorAfterWait": {
			reason: "Nor does it hide what fails now.", edit: func(s *scope) { wasReady(s); sourceMissing(s) },
			result: ended(phaseRelease, outcome.Fail(helmv2.ReconcileErrorReason, errBroken)),
			want:   retriesUpgraded("ReconcileError"),
		},
		"RetryAfter": {
			reason: "RetryOnFailure names the time of the next attempt.", edit: hasFailed, observed: true,
			result: ended(phaseRelease, outcome.Wait(time.Minute, meta.ProgressingWithRetryReason, "retrying after 1m0s")),
			want:   append([]string{"Reconciling=True/ProgressingWithRetry: retrying after 1m0s"}, stillFailed...),
		},
		"Requeue": {
			reason: "An attempt that follows at once repeats what failed.", edit: hasFailed,
			result: ended(phaseRelease, outcome.Wait(time.Second, meta.ProgressingWithRetryReason, "")),
			want:   append([]string{"Reconciling=True/ProgressingWithRetry: failed"}, stillFailed...),
		},
		"Exceeded": {
			reason: "Without attempts left the object stalls; Ready says what failed last.", edit: hasFailed, observed: true,
			result: ended(phaseRelease, outcome.Stall(helmv2.RetriesExceededReason, errors.New("Failed to upgrade after 1 attempt(s)"))),
			want:   append([]string{"Stalled=True/RetriesExceeded: Failed to upgrade after 1 attempt(s)"}, stillFailed...),
		},
		"AccessDenied": {
			reason: "A reference that is not allowed stalls the object and says so in Ready.", edit: wasReady, observed: true,
			result: ended(phaseSource, outcome.Stall(helmv2.AccessDeniedReason, errors.New("no"))),
			want: []string{
				"Stalled=True/AccessDenied: no", "Ready=False/AccessDenied: no", "Released=True/UpgradeSucceeded: upgraded",
			},
		},
		"ActionError": {
			reason: "A fault that no action reported shows in Ready.", edit: wasReady,
			result: ended(phaseRelease, outcome.Fail(helmv2.ReconcileErrorReason, errBroken)),
			want:   retriesUpgraded("ReconcileError"),
		},
		"ReportedError": {
			reason: "One that was reported stays as it was.", edit: hasFailed,
			result: ended(phaseRelease, outcome.Fail(helmv2.ReconcileErrorReason, errBroken)),
			want:   append([]string{"Reconciling=True/ProgressingWithRetry: failed"}, stillFailed...),
		},
		"StateError": {
			reason: "A state that cannot be told shows in Ready.", edit: hasFailed,
			result: ended(phaseRelease, outcome.Fail(helmv2.StateErrorReason, errBroken)),
			want: []string{
				"Reconciling=True/ProgressingWithRetry: it broke",
				"Ready=False/StateError: it broke", "Released=False/UpgradeFailed: failed",
			},
		},
		"Values": {
			reason: "Values that cannot be composed show in Ready.", edit: wasReady, result: ended("values", outcome.Fail(helmv2.ValuesErrorReason, errBroken)),
			want: []string{
				"Reconciling=True/Progressing: Fulfilling prerequisites",
				"Ready=False/ValuesError: it broke", "Released=True/UpgradeSucceeded: upgraded",
			},
		},
		"Unforeseen": {
			reason: "So does what nobody foresaw.", edit: wasReady, result: ended("connect", errBroken),
			want: []string{
				"Reconciling=True/Progressing: Fulfilling prerequisites",
				"Ready=False/ReconcileError: it broke", "Released=True/UpgradeSucceeded: upgraded",
			},
		},
		"Superseded": {
			reason: "A wait that was given up says who made it so.", edit: hasFailed,
			result: ended(phaseRelease, outcome.Wait(time.Millisecond, helmv2.HealthCheckCanceledReason, "New reconciliation triggered by HelmChart/a/b")),
			want: []string{
				"Reconciling=True/Progressing: Fulfilling prerequisites",
				"Ready=False/HealthCheckCanceled: New reconciliation triggered by HelmChart/a/b", "Released=False/UpgradeFailed: failed",
			},
		},
		"Suspended": {
			reason: "A suspended object keeps its conditions.", edit: hasFailed, observed: true, result: reconcile.Result{Suspended: true},
			want: []string{"Ready=False/UpgradeFailed: failed", "Released=False/UpgradeFailed: failed"},
		},
		"Deleting": {
			reason: "What keeps an object from going shows in Ready.", edit: wasReady,
			result: reconcile.Result{Outcome: outcome.Of(outcome.Fail(helmv2.UninstallFailedReason, errBroken)), Deleting: true},
			want:   []string{"Ready=False/UninstallFailed: it broke", "Released=True/UpgradeSucceeded: upgraded"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScope(tc.edit)
			setStatus(s, tc.result)
			if diff := cmp.Diff(tc.want, show(s.obj)); diff != "" {
				t.Errorf("%s\nconditions (-want +got):\n%s", tc.reason, diff)
			}
			if got := observed(s.obj, tc.result); got != tc.observed {
				t.Errorf("%s\nobserved: %v", tc.reason, got)
			}
		})
	}
}

func TestClip(t *testing.T) {
	long := strings.Repeat("ä", maxMessageBytes)
	got := clip(long)
	if len(got) > maxMessageBytes || !strings.HasSuffix(got, "...") || !strings.HasPrefix(long, strings.TrimSuffix(got, "...")) {
		t.Errorf("a long message becomes one of %d bytes", len(got))
	}
	if clip("short") != "short" {
		t.Error("a short message stays")
	}
}

// TestForgive holds that a release which a remediation brought back is released since then.
func TestForgive(t *testing.T) {
	then := metav1.NewTime(time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC))
	s := newScope(func(s *scope) {
		s.state.Name = release.StateInSync
		conditions.MarkFalse(s.obj, helmv2.ReleasedCondition, helmv2.UpgradeFailedReason, "failed")
		conditions.Set(s.obj, &metav1.Condition{
			Type: helmv2.RemediatedCondition, Status: metav1.ConditionTrue, Reason: helmv2.RollbackSucceededReason, LastTransitionTime: then,
		})
	})
	setStatus(s, ended("", nil))
	if c := conditions.Get(s.obj, helmv2.ReleasedCondition); c.Status != metav1.ConditionTrue || !c.LastTransitionTime.Equal(&then) {
		t.Errorf("Released: %+v", c)
	}
}
