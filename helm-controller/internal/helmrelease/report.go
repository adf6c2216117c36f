// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/events"
)

// report tells what an action did. It is made by the phase that ran the action; condition and event follow from it.
type report struct {
	action release.Action
	// begins is set when the action is about to run: what the last one left in the conditions is void.
	begins bool
	// fault is why it failed, nil if it did not.
	fault error
	// release and chart name what it was about: <namespace>/<name>[.v<version>] and <chart>@<version>.
	release, chart string
	// was is the status that an unlocked revision was in.
	was string
	// untested is set by an install or upgrade whose tests are still to run.
	untested bool
	// tests counts the test hooks that ran.
	tests int
	// note replaces the message where there was nothing to do; nobody is told then.
	note string
	// quiet keeps it from people: the end of the run tells them.
	quiet bool
	// logs are the last lines that Helm logged, for the event of a failure.
	logs string
	// metadata of the event.
	metadata map[string]string
}

// about fills in what a snapshot says.
func (p report) about(s *helmv2.Snapshot) report {
	p.release, p.chart, p.metadata = release.FullName(s), release.VersionedChart(s), snapshotMetadata(s)
	return p
}

// verdict is what a report means for one condition.
type verdict struct {
	condition string
	status    metav1.ConditionStatus
	reason    string
	message   string
}

// outcomes are the reasons of an action that succeeded and of one that failed, and the condition that shows them.
func (p report) outcomes() (condition, succeeded, failed string) {
	switch p.action {
	case release.ActionInstall:
		return helmv2.ReleasedCondition, helmv2.InstallSucceededReason, helmv2.InstallFailedReason
	case release.ActionUpgrade:
		return helmv2.ReleasedCondition, helmv2.UpgradeSucceededReason, helmv2.UpgradeFailedReason
	case release.ActionTest:
		return helmv2.TestSuccessCondition, helmv2.TestSucceededReason, helmv2.TestFailedReason
	case release.ActionRollback:
		return helmv2.RemediatedCondition, helmv2.RollbackSucceededReason, helmv2.RollbackFailedReason
	case release.ActionUninstallRemediation:
		return helmv2.RemediatedCondition, helmv2.UninstallSucceededReason, helmv2.UninstallFailedReason
	case release.ActionUninstall:
		return helmv2.ReleasedCondition, helmv2.UninstallSucceededReason, helmv2.UninstallFailedReason
	case release.ActionUnlock:
		return helmv2.ReleasedCondition, helmv2.PendingReleaseReason, helmv2.PendingReleaseReason
	case release.ActionNone, release.ActionCorrectDrift:
	}
	return "", "", ""
}

// verdict returns what the report means; false if it concerns no condition.
func (p report) verdict() (verdict, bool) {
	condition, succeeded, failed := p.outcomes()
	if p.begins || condition == "" {
		return verdict{}, false
	}
	v := verdict{condition: condition, status: metav1.ConditionTrue, reason: succeeded, message: p.message()}
	if p.fault != nil {
		v.status, v.reason = metav1.ConditionFalse, failed
	}
	if p.action == release.ActionUninstall || p.action == release.ActionUnlock {
		v.status = metav1.ConditionFalse // nothing is released, however well it went
	}
	return v, true
}

// message is the text of the condition. Flux: helm-controller contract, section 5.2; alert filters match it.
func (p report) message() string {
	switch {
	case p.note != "":
		return p.note
	case p.action == release.ActionUnlock && p.fault != nil:
		return fmt.Sprintf("Unlock of Helm release %s with chart %s in %s state failed: %s", p.release, p.chart, p.was, p.fault)
	case p.action == release.ActionUnlock:
		return fmt.Sprintf("Unlocked Helm release %s with chart %s in %s state", p.release, p.chart, p.was)
	case p.action == release.ActionRollback:
		return p.ended(fmt.Sprintf("Helm rollback to previous release %s with chart %s", p.release, p.chart))
	case p.action == release.ActionUninstallRemediation:
		return p.ended(fmt.Sprintf("Helm uninstall remediation for release %s with chart %s", p.release, p.chart))
	case p.fault != nil:
		return fmt.Sprintf("Helm %s failed for release %s with chart %s: %s", p.action, p.release, p.chart, p.fault)
	}
	text := fmt.Sprintf("Helm %s succeeded for release %s with chart %s", p.action, p.release, p.chart)
	if p.action == release.ActionTest {
		text += ": " + countTests(p.tests)
	}
	return text
}

func (p report) ended(what string) string {
	if p.fault != nil {
		return fmt.Sprintf("%s failed: %s", what, p.fault)
	}
	return what + " succeeded"
}

func countTests(n int) string {
	switch n {
	case 0:
		return "no test hooks"
	case 1:
		return "1 test hook completed successfully"
	}
	return fmt.Sprintf("%d test hooks completed successfully", n)
}

// event tells people; false if there is nothing to tell.
func (p report) event(obj *helmv2.HelmRelease) (events.Event, bool) {
	v, ok := p.verdict()
	if !ok || p.note != "" || p.quiet {
		return events.Event{}, false
	}
	e := events.Event{Severity: events.Info, Reason: v.reason, Message: v.message, Metadata: p.metadata}
	if p.fault != nil {
		e.Severity = events.Error
		if p.logs != "" {
			e.Message += "\n\nLast Helm logs:\n\n" + p.logs
		}
	}
	if obj.DeletionTimestamp.IsZero() || p.action == release.ActionUninstall {
		return e, true
	}
	return events.Event{}, false
}

// trace is an event that is kept in the cluster: nobody wants to be alerted to it. Flux: helm-controller contract, section 17.5.
func trace(severity, reason, message string) events.Event {
	return events.Event{Severity: severity, Reason: reason, Message: message, To: events.Cluster}
}

// snapshotMetadata is the metadata of events about a revision. Flux: helm-controller contract, section 17.5.
func snapshotMetadata(s *helmv2.Snapshot) map[string]string {
	return metadata(s.ChartVersion, s.ConfigDigest, s.AppVersion, s.OCIDigest)
}

// attemptMetadata is that of events about a release that was attempted.
func (s *scope) attemptMetadata() map[string]string {
	return metadata(s.metadata.Version, s.obj.Status.LastAttemptedConfigDigest, s.metadata.AppVersion, s.obj.Status.LastAttemptedRevisionDigest)
}

// metadata leaves empty values out.
func metadata(revision, token, appVersion, ociDigest string) map[string]string {
	all := map[string]string{}
	for key, value := range map[string]string{
		helmv2.RevisionMetadataKey: revision, helmv2.TokenMetadataKey: token,
		helmv2.AppVersionMetadataKey: appVersion, helmv2.OCIDigestMetadataKey: ociDigest,
	} {
		if value != "" {
			all[key] = value
		}
	}
	return all
}

// runningText is the message of Reconciling while an action runs. Flux: helm-controller contract, section 5.2.
const runningText = "Running '%s' action with timeout of %s"

// reconcilingReason is the reason that goes with it.
const reconcilingReason = meta.ProgressingReason
