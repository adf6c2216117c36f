// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package verdict is what the conditions of the kinds of this controller have in common: how a run that ended well, or badly, is told.
package verdict

import (
	"cmp"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and alerts match. Flux: image-automation-controller contract, "Conditions".
const (
	textProgressing = "reconciliation in progress"
	textNew         = "processing object: new generation %d -> %d"
)

// Owned lists the types of conditions that are set.
func Owned() []string {
	return []string{meta.ReadyCondition, meta.ReconcilingCondition, meta.StalledCondition}
}

// Observed reports whether a result lets observedGeneration follow the generation of an object.
func Observed[O any](_ O, r reconcile.Result) bool {
	return r.Succeeded() || !r.Deleting && r.Class == outcome.Stalled
}

// Progress describes what the run of an object is about, whose observedGeneration is given.
func Progress(o conditions.Setter, observed int64) string {
	if observed != o.GetGeneration() {
		return fmt.Sprintf(textNew, observed, o.GetGeneration())
	}
	return textProgressing
}

// Running says that a run is under way. What Ready said of the run before stays, unless that is to be taken back.
func Running(o conditions.Setter, progress string, takeBack bool) {
	conditions.MarkReconciling(o, meta.ProgressingReason, "%s", progress)
	if takeBack || !conditions.IsTrue(o, meta.ReadyCondition) && !conditions.IsFalse(o, meta.ReadyCondition) {
		conditions.MarkUnknown(o, meta.ReadyCondition, meta.ProgressingReason, "%s", progress)
	}
}

// Good says that a run did all there is to do.
func Good(o conditions.Setter, message string) {
	conditions.Delete(o, meta.StalledCondition)
	conditions.Delete(o, meta.ReconcilingCondition)
	conditions.MarkTrue(o, meta.ReadyCondition, meta.SucceededReason, "%s", message)
}

// Bad says why a run came to nothing, and whether another one will come by itself.
func Bad(o conditions.Setter, r reconcile.Result, progress string) {
	reason := cmp.Or(r.Reason, meta.FailedReason)
	if r.Class == outcome.Stalled {
		conditions.MarkStalled(o, reason, "%s", r.Message())
	} else {
		conditions.MarkReconciling(o, meta.ProgressingWithRetryReason, "%s", progress)
	}
	conditions.MarkFalse(o, meta.ReadyCondition, reason, "%s", r.Message())
}
