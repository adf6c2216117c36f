// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// textReady is a text that people and alerts match. Flux: image-automation-controller contract, "ImageUpdateAutomation", "Reconcile".
const textReady = "repository up-to-date"

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
	progress := verdict.Progress(s.obj, s.obj.Status.ObservedGeneration)
	switch {
	case r.Running:
		verdict.Running(s.obj, progress, false)
	case r.Succeeded():
		setDone(s)
	case r.Class == outcome.Waiting:
		setWaiting(s, r)
	case r.IsError():
		verdict.Bad(s.obj, r, progress)
	}
}

// setWaiting says what the run waits for, which is nobody's fault.
func setWaiting(s *scope, r reconcile.Result) {
	conditions.MarkReconciling(s.obj, meta.ProgressingReason, "%s", r.Message())
	if !conditions.Has(s.obj, meta.ReadyCondition) {
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, "%s", r.Message())
	}
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
	verdict.Good(s.obj, textReady)
}
