// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"cmp"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and alerts match. Flux: image-automation-controller contract, "Conditions".
const (
	textProgressing = "reconciliation in progress"
	textNew         = "processing object: new generation %d -> %d"
)

// observed reports whether a result lets observedGeneration follow the generation.
func observed(_ *imagev1.ImagePolicy, r reconcile.Result) bool {
	return r.Succeeded() || !r.Deleting && r.Class == outcome.Stalled
}

// setStatus turns the facts of a run and how it ended into status.
func setStatus(s *scope, r reconcile.Result) {
	switch {
	case r.Suspended || r.Deleting:
	case r.Succeeded():
		setDone(s)
	case r.Class == outcome.Stalled:
		conditions.MarkStalled(s.obj, r.Reason, "%s", r.Message())
		conditions.MarkFalse(s.obj, meta.ReadyCondition, r.Reason, "%s", r.Message())
	case r.Class == outcome.Waiting, r.IsError():
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", progress(s))
		conditions.MarkFalse(s.obj, meta.ReadyCondition, cmp.Or(r.Reason, meta.FailedReason), "%s", r.Message())
	}
}

// progress describes what the run is about.
func progress(s *scope) string {
	if s.obj.Status.ObservedGeneration != s.obj.Generation {
		return fmt.Sprintf(textNew, s.obj.Status.ObservedGeneration, s.obj.Generation)
	}
	return textProgressing
}

// setDone records what was chosen, and what was chosen before if that was something else.
func setDone(s *scope) {
	status := &s.obj.Status
	if status.LatestRef != nil && *status.LatestRef != *s.ref {
		status.ObservedPreviousRef = status.LatestRef
	}
	status.LatestRef = s.ref
	conditions.Delete(s.obj, meta.StalledCondition)
	conditions.Delete(s.obj, meta.ReconcilingCondition)
	conditions.MarkTrue(s.obj, meta.ReadyCondition, meta.SucceededReason, "%s", ready(status))
}

// ready tells what was chosen. Flux: image-automation-controller contract, "ImagePolicy", "Reconcile", last but one paragraph.
func ready(status *imagev1.ImagePolicyStatus) string {
	latest, previous := status.LatestRef, status.ObservedPreviousRef
	text := fmt.Sprintf("Latest image tag for %s resolved to %s", latest.Name, latest.Tag)
	if latest.Digest != "" {
		text += " with digest " + latest.Digest
	}
	if previous != nil && *previous != *latest {
		text += fmt.Sprintf(" (previously %s)", previous)
	}
	return text
}
