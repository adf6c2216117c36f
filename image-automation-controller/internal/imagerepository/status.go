// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"cmp"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and alerts match. Flux: image-automation-controller contract, "Conditions" and "Reconcile".
const (
	textReady       = "successful scan: found %d tags with checksum %s"
	textScanning    = "scanning: %s"
	textProgressing = "reconciliation in progress"
	textNew         = "processing object: new generation %d -> %d"
)

// observed reports whether a result lets observedGeneration follow the generation.
func observed(_ *imagev1.ImageRepository, r reconcile.Result) bool {
	return r.Succeeded() || !r.Deleting && r.Class == outcome.Stalled
}

// setStatus turns the facts of a run and how it ended, or stands, into status.
func setStatus(s *scope, r reconcile.Result) {
	switch {
	case r.Suspended || r.Deleting:
	case r.Running:
		setRunning(s)
	case r.Succeeded():
		setDone(s)
	case r.Class == outcome.Stalled:
		conditions.MarkStalled(s.obj, r.Reason, "%s", r.Message())
		conditions.MarkFalse(s.obj, meta.ReadyCondition, r.Reason, "%s", r.Message())
	case r.IsError():
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", progress(s))
		conditions.MarkFalse(s.obj, meta.ReadyCondition, cmp.Or(r.Reason, meta.FailedReason), "%s", r.Message())
	}
}

// setRunning says that a scan is under way. Where the tags are lost Ready is taken back, so that policies see it come again.
func setRunning(s *scope) {
	conditions.MarkReconciling(s.obj, meta.ProgressingReason, "%s", progress(s))
	if s.lost || !conditions.IsTrue(s.obj, meta.ReadyCondition) && !conditions.IsFalse(s.obj, meta.ReadyCondition) {
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, "%s", progress(s))
	}
}

// progress describes what the run is about.
func progress(s *scope) string {
	switch {
	case s.reason != "":
		return fmt.Sprintf(textScanning, s.reason)
	case s.obj.Status.ObservedGeneration != s.obj.Generation:
		return fmt.Sprintf(textNew, s.obj.Status.ObservedGeneration, s.obj.Generation)
	}
	return textProgressing
}

// setDone records what a complete run saw.
func setDone(s *scope) {
	status := &s.obj.Status
	if s.result != nil {
		status.LastScanResult = s.result
	}
	status.CanonicalImageName, status.ObservedExclusionList = s.name.String(), exclusions(s.obj)
	conditions.Delete(s.obj, meta.StalledCondition)
	conditions.Delete(s.obj, meta.ReconcilingCondition)
	conditions.MarkTrue(s.obj, meta.ReadyCondition, meta.SucceededReason, textReady, status.LastScanResult.TagCount, status.LastScanResult.Revision)
}
