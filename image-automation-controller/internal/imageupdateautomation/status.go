// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"cmp"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and alerts match. Flux: image-automation-controller contract, "Conditions" and "Reconcile".
const (
	textReady       = "repository up-to-date"
	textProgressing = "reconciliation in progress"
	textNew         = "processing object: new generation %d -> %d"
)

// observed reports whether a result lets observedGeneration follow the generation.
func observed(_ *imagev1.ImageUpdateAutomation, r reconcile.Result) bool {
	return r.Succeeded() || !r.Deleting && r.Class == outcome.Stalled
}

// setStatus turns the facts of a run and how it ended, or stands, into status.
func setStatus(s *scope, r reconcile.Result) {
	if r.Suspended {
		// Flux: image-automation-controller contract, "Entry sequence": only a run that works confirms a request.
		s.obj.Status.LastHandledReconcileAt = s.handled
		return
	}
	if r.Deleting {
		return
	}
	s.obj.Status.LastAutomationRunTime = new(metav1.NewTime(s.run.Started))
	switch {
	case r.Running:
		setRunning(s)
	case r.Succeeded():
		setDone(s)
	case r.Class == outcome.Stalled:
		conditions.MarkStalled(s.obj, r.Reason, "%s", r.Message())
		conditions.MarkFalse(s.obj, meta.ReadyCondition, r.Reason, "%s", r.Message())
	case r.Class == outcome.Waiting:
		conditions.MarkReconciling(s.obj, meta.ProgressingReason, "%s", r.Message())
		if !conditions.Has(s.obj, meta.ReadyCondition) {
			conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, "%s", r.Message())
		}
	case r.IsError():
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", progress(s))
		conditions.MarkFalse(s.obj, meta.ReadyCondition, cmp.Or(r.Reason, meta.FailedReason), "%s", r.Message())
	}
}

// setRunning says that the run is under way.
func setRunning(s *scope) {
	conditions.MarkReconciling(s.obj, meta.ProgressingReason, "%s", progress(s))
	if !conditions.IsTrue(s.obj, meta.ReadyCondition) && !conditions.IsFalse(s.obj, meta.ReadyCondition) {
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, "%s", progress(s))
	}
}

// progress describes what the run is about.
func progress(s *scope) string {
	if s.obj.Status.ObservedGeneration != s.obj.Generation {
		return fmt.Sprintf(textNew, s.obj.Status.ObservedGeneration, s.obj.Generation)
	}
	return textProgressing
}

// setDone records what a complete run saw and did.
func setDone(s *scope) {
	status := &s.obj.Status
	status.ObservedPolicies, status.ObservedSourceRevision = s.refs, s.target.Revision
	if len(s.refs) == 0 {
		status.ObservedPolicies = nil
	}
	if s.pushed != nil {
		status.LastPushCommit, status.LastPushTime = s.pushed.commit.String(), new(metav1.NewTime(s.pushed.at))
	}
	conditions.Delete(s.obj, meta.StalledCondition)
	conditions.Delete(s.obj, meta.ReconcilingCondition)
	conditions.MarkTrue(s.obj, meta.ReadyCondition, meta.SucceededReason, textReady)
}
