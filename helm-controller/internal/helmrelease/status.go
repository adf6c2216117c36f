// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and their alerts match. Flux: helm-controller contract, section 5.2.
const (
	prerequisitesText  = "Fulfilling prerequisites"
	progressText       = "reconciliation in progress"
	correctingText     = "correcting cluster drift"
	awaitingTestsText  = "Helm release %s with chart %s is awaiting tests"
	driftedText        = "Cluster state of release %s has drifted from the desired state:\n%s"
	notDriftedText     = "No drift detected against the cluster state"
	celErrorPrefix     = "Reconciliation failed terminally due to configuration error: "
	loadFailedText     = "Could not load chart: %s"
	stateFailedText    = "Could not determine release state: %s"
	retryText          = "retrying after %s"
	exceededText       = "Failed to %s after %d attempt(s)"
	missingTargetText  = "Failed to perform remediation: missing target release for rollback: cannot remediate failed release"
	supersededText     = "New reconciliation triggered by %s"
	dependencyWaitText = "dependencies do not meet ready condition (%s): retrying in %s"
)

// maxMessageBytes is the longest message that a condition takes.
// Flux: helm-controller contract, section 3.
const maxMessageBytes = 32768

// said is an error whose text is a sentence of the contract, which begins with a capital.
type said struct {
	text string
	err  error
}

func (e *said) Error() string { return e.text }

func (e *said) Unwrap() error { return e.err }

// say puts err into a sentence.
func say(format string, err error) error {
	return &said{text: fmt.Sprintf(format, err), err: err}
}

// setStatus sets every condition: first those that follow from what was done, then those that tell how the run ended or where it stands.
func setStatus(s *scope, r reconcile.Result) {
	if r.Suspended {
		return
	}
	setReports(s)
	setDrifted(s)
	switch {
	case r.Running:
		setRunning(s)
	case r.Deleting:
		setDeleting(s, r)
	case r.Class == outcome.Done:
		setSettled(s)
	case r.Class == outcome.Waiting:
		setWaiting(s, r)
	case r.Class == outcome.Stalled:
		setStalled(s, r)
	default:
		setFailed(s, r)
	}
	trim(s.obj)
}

// setReports sets what the actions since the last call did, in their order.
func setReports(s *scope) {
	for _, p := range s.reports[s.told:] {
		if p.begins {
			setBegun(s, p.action)
			continue
		}
		v, ok := p.verdict()
		if !ok {
			continue
		}
		set(s.obj, v.condition, v.status, v.reason, v.message)
		if p.untested && p.fault == nil {
			conditions.MarkUnknown(s.obj, helmv2.TestSuccessCondition, helmv2.AwaitingTestsReason, awaitingTestsText, p.release, p.chart)
		}
		if p.action != release.ActionUninstallRemediation {
			summarise(s) // after that one Ready keeps saying what failed
		}
	}
	s.told = len(s.reports)
}

// setBegun voids what others said that does not hold any more once an action begins. Flux: helm-controller contract, sections 7.2 and 7.6.
func setBegun(s *scope, a release.Action) {
	if a == release.ActionTest {
		forgive(s)
		return
	}
	conditions.Delete(s.obj, helmv2.TestSuccessCondition)
	conditions.Delete(s.obj, helmv2.RemediatedCondition)
}

// setDrifted shows what was found out about drift, and forgets it when nobody looks any more. Flux: quirk Q6.
func setDrifted(s *scope) {
	switch {
	case !detectsDrift(s.obj):
		conditions.Delete(s.obj, helmv2.DriftedCondition)
	case s.drift != nil:
		set(s.obj, helmv2.DriftedCondition, metav1.ConditionTrue, helmv2.DriftDetectedReason, s.driftMessage())
	case s.checked:
		set(s.obj, helmv2.DriftedCondition, metav1.ConditionFalse, helmv2.NoDriftDetectedReason, notDriftedText)
	}
}

// setRunning shows the action that is about to run.
func setRunning(s *scope) {
	if s.doing == release.ActionNone {
		conditions.MarkReconciling(s.obj, reconcilingReason, prerequisitesText)
		return
	}
	name, timeout := s.doing, action.Timeout(s.obj, s.doing).String()
	if name == release.ActionUninstallRemediation {
		name = release.ActionUninstall
	}
	conditions.MarkReconciling(s.obj, reconcilingReason, runningText, name, timeout)
	switch s.doing.Kind() {
	case release.KindRelease:
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, runningText, name, timeout)
	case release.KindDrift:
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, correctingText)
	case release.KindTest, release.KindUnlock, release.KindRemediate, release.KindUninstall:
		resolve(s)
	}
}

// setSettled covers a run with nothing left to do.
func setSettled(s *scope) {
	conditions.Delete(s.obj, meta.ReconcilingCondition)
	conditions.Delete(s.obj, meta.StalledCondition)
	if s.state.Name == release.StateInSync || s.state.Name == release.StateDrifted {
		restoreReleased(s)
	}
	summarise(s)
}

// restoreReleased makes Released agree with a release that is found deployed and in sync although the last report was another: a remediation
// that brought back what is wanted, or a failure that somebody has cured. Flux: helm-controller contract, section 7.2, InSync.
func restoreReleased(s *scope) {
	latest := s.obj.Status.History.Latest()
	if latest == nil {
		return
	}
	if forgive(s) {
		return
	}
	if conditions.IsTrue(s.obj, meta.ReadyCondition) && conditions.IsTrue(s.obj, helmv2.ReleasedCondition) {
		return
	}
	switch was := conditions.Get(s.obj, helmv2.ReleasedCondition); {
	case was == nil && latest.Version == 1, was != nil && was.Reason == helmv2.InstallFailedReason:
		restored := released(release.ActionInstall, latest)
		conditions.Set(s.obj, &restored)
	case was == nil, was.Reason == helmv2.UpgradeFailedReason, was.Reason == helmv2.PendingReleaseReason:
		restored := released(release.ActionUpgrade, latest)
		conditions.Set(s.obj, &restored)
	}
}

// forgive takes a remediation that succeeded for an upgrade that did, at the same time: what it brought back is what is wanted.
func forgive(s *scope) bool {
	c, latest := conditions.Get(s.obj, helmv2.RemediatedCondition), s.obj.Status.History.Latest()
	if c == nil || c.Status != metav1.ConditionTrue || latest == nil {
		return false
	}
	conditions.Delete(s.obj, helmv2.RemediatedCondition)
	conditions.Delete(s.obj, helmv2.ReleasedCondition) // whose time would count otherwise
	restored := released(release.ActionUpgrade, latest)
	restored.LastTransitionTime = c.LastTransitionTime
	conditions.Set(s.obj, &restored)
	return true
}

func released(a release.Action, latest *helmv2.Snapshot) metav1.Condition {
	v, _ := report{action: a}.about(latest).verdict()
	return metav1.Condition{Type: v.condition, Status: v.status, Reason: v.reason, Message: v.message}
}

// setWaiting covers waits for something outside this object, and for the time of the next attempt.
func setWaiting(s *scope, r reconcile.Result) {
	switch r.Reason {
	case meta.ProgressingReason: // the chart is on its way
		conditions.MarkReconciling(s.obj, reconcilingReason, prerequisitesText)
		resolve(s)
	case meta.ProgressingWithRetryReason:
		recall(s)
		text := cmp.Or(r.Message(), conditions.GetMessage(s.obj, meta.ReadyCondition))
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", text)
	case helmv2.HealthCheckCanceledReason:
		conditions.MarkReconciling(s.obj, reconcilingReason, prerequisitesText)
		set(s.obj, meta.ReadyCondition, metav1.ConditionFalse, r.Reason, r.Message())
	default:
		conditions.MarkReconciling(s.obj, reconcilingReason, prerequisitesText)
		set(s.obj, meta.ReadyCondition, metav1.ConditionFalse, r.Reason, r.Message())
	}
}

// resolve takes back what a prerequisite said that is met by now. Flux: helm-controller contract, section 6.1.
func resolve(s *scope) {
	if preliminary(s.obj) {
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, progressText)
	}
}

// recall does so at the end of a run that says nothing new about the release: Ready shows again what was known of it.
func recall(s *scope) {
	if preliminary(s.obj) {
		resolve(s)
		setReady(s)
	}
}

// preliminary tells whether Ready says that something stood in the way of looking at the release.
func preliminary(obj *helmv2.HelmRelease) bool {
	c := conditions.Get(obj, meta.ReadyCondition)
	return c != nil && c.Status == metav1.ConditionFalse && slices.Contains([]string{
		helmv2.DependencyNotReadyReason, helmv2.SourceNotReadyReason, helmv2.ArtifactFailedReason, helmv2.ValuesErrorReason,
		helmv2.ChartMutateErrorReason, helmv2.RESTClientErrorReason, helmv2.StateErrorReason, helmv2.AccessDeniedReason,
		helmv2.InvalidCELExpressionReason, helmv2.UnsupportedReason,
	}, c.Reason)
}

// setStalled covers what only a change can cure. What the release phase has to say about Ready follows from the release.
func setStalled(s *scope, r reconcile.Result) {
	conditions.MarkStalled(s.obj, r.Reason, "%s", r.Message())
	if r.Phase != phaseRelease {
		set(s.obj, meta.ReadyCondition, metav1.ConditionFalse, r.Reason, r.Message())
		return
	}
	recall(s)
}

// setFailed covers faults that a retry may cure. A failed action has said so already, unless it failed before it could.
func setFailed(s *scope, r reconcile.Result) {
	reason := r.Reason
	if reason == "" {
		reason = helmv2.ReconcileErrorReason
	}
	if r.Phase != phaseRelease || reason != helmv2.ReconcileErrorReason || !conditions.IsFalse(s.obj, meta.ReadyCondition) || preliminary(s.obj) {
		set(s.obj, meta.ReadyCondition, metav1.ConditionFalse, reason, r.Message())
	}
	if r.Phase == phaseRelease {
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", conditions.GetMessage(s.obj, meta.ReadyCondition))
		return
	}
	conditions.MarkReconciling(s.obj, reconcilingReason, prerequisitesText)
}

// setDeleting covers what keeps an object that is being deleted.
func setDeleting(s *scope, r reconcile.Result) {
	if r.Class != outcome.Done {
		set(s.obj, meta.ReadyCondition, metav1.ConditionFalse, cmp.Or(r.Reason, helmv2.UninstallFailedReason), r.Message())
	}
}

// summarise shows in Ready how the release is, and notes what it was made with. Flux: helm-controller contract, section 5.4.
func summarise(s *scope) {
	setReady(s)
	s.obj.Status.ObservedPostRenderersDigest = release.PostRenderersDigest(s.algorithm, s.obj.Spec.PostRenderers)
	s.obj.Status.ObservedCommonMetadataDigest = release.CommonMetadataDigest(s.algorithm, s.obj.Spec.CommonMetadata)
}

// setReady copies into Ready what the newest of the conditions below it says.
func setReady(s *scope) {
	obj := s.obj
	candidates := []string{helmv2.RemediatedCondition, helmv2.ReleasedCondition}
	switch test := obj.Spec.Test; {
	case test == nil || !test.Enable:
		conditions.Delete(obj, helmv2.TestSuccessCondition)
	case !test.IgnoreFailures:
		candidates = []string{helmv2.RemediatedCondition, helmv2.TestSuccessCondition, helmv2.ReleasedCondition}
	}
	var basis *metav1.Condition
	for _, t := range candidates {
		if c := conditions.Get(obj, t); c != nil && (basis == nil || c.ObservedGeneration > basis.ObservedGeneration) {
			basis = c
		}
	}
	if basis != nil {
		status := basis.Status
		if basis.Type == helmv2.RemediatedCondition {
			status = metav1.ConditionFalse
		}
		set(obj, meta.ReadyCondition, status, basis.Reason, basis.Message)
		if status == metav1.ConditionTrue {
			conditions.Delete(obj, meta.StalledCondition)
		}
	}
}

// observed tells whether observedGeneration may follow the generation: with a final verdict on it, with nothing left to do, or with an attempt
// that is repeated after its interval. Flux: helm-controller contract, section 3.
func observed(obj *helmv2.HelmRelease, r reconcile.Result) bool {
	switch {
	case r.Running || r.Deleting:
		return false
	case r.Suspended || r.Class == outcome.Done || r.Class == outcome.Stalled:
		return true
	}
	return r.Class == outcome.Waiting && r.Reason == meta.ProgressingWithRetryReason && r.Message() != ""
}

// ownedConditions are the types that this kind sets or removes.
func ownedConditions() []string {
	return []string{
		helmv2.ReleasedCondition, helmv2.RemediatedCondition, helmv2.TestSuccessCondition, helmv2.DriftedCondition,
		meta.ReconcilingCondition, meta.ReadyCondition, meta.StalledCondition,
	}
}

func set(obj *helmv2.HelmRelease, condition string, status metav1.ConditionStatus, reason, message string) {
	conditions.Set(obj, &metav1.Condition{Type: condition, Status: status, Reason: reason, Message: clip(message)})
}

// trim cuts the messages that the library has set.
func trim(obj *helmv2.HelmRelease) {
	for i := range obj.Status.Conditions {
		obj.Status.Conditions[i].Message = clip(obj.Status.Conditions[i].Message)
	}
}

// clip cuts a message to what a condition takes.
func clip(message string) string {
	const mark = "..."
	if len(message) <= maxMessageBytes {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessageBytes-len(mark)], "") + mark
}
