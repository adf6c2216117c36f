// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Observed reports whether a result lets the observedGeneration of a source follow its generation.
func Observed(o conditions.Getter, r reconcile.Result) bool {
	switch {
	case r.Suspended:
		return len(o.GetConditions()) > 0
	case r.Deleting:
		return false
	}
	return r.Succeeded() || r.Class == outcome.Stalled
}

// HasFacts reports whether a run leaves facts for the status of a source. That of a suspended one, which is not stalled any more, does not,
// nor that of one that goes.
func HasFacts(obj conditions.Setter, r reconcile.Result) bool {
	if r.Suspended {
		conditions.Delete(obj, meta.StalledCondition)
	}
	return !r.Suspended && !r.Deleting
}

// Conclusion is what the end of a status depends on besides the result.
type Conclusion struct {
	// Order says which condition decides Ready among those of the same weight.
	Order []string
	// Progress describes what the run is about.
	Progress string
	// Told is set when another condition tells of a failure, so that Reconciling need not.
	Told bool
}

// Conclude sets Reconciling, Stalled and Ready, when all other conditions are set.
func Conclude(obj conditions.Setter, r reconcile.Result, c Conclusion) {
	if r.Running {
		conditions.MarkReconciling(obj, meta.ProgressingReason, "%s", c.Progress)
		conditions.MarkUnknown(obj, meta.ReadyCondition, meta.ProgressingReason, "%s", c.Progress)
		return
	}
	conditions.Delete(obj, meta.StalledCondition)
	conditions.Delete(obj, meta.ReconcilingCondition)
	switch r.Class {
	case outcome.Done, outcome.Yielded: // a run that yields sets no status
	case outcome.Stalled:
		conditions.MarkStalled(obj, r.Reason, "%s", r.Message())
	case outcome.Waiting, outcome.Failed, outcome.Unforeseen: // another attempt follows by itself
		message := c.Progress
		if !c.Told {
			message = r.Message()
		}
		conditions.MarkReconciling(obj, meta.ProgressingWithRetryReason, "%s", message)
	}
	SumUp(obj, c.Order)
}
