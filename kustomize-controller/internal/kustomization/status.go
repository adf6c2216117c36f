// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and their alerts match. Flux: kustomize-controller contract, "Conditions and reasons".
const (
	progressText        = "Reconciliation in progress"
	appliedText         = "Applied revision: %s"
	celErrorPrefix      = "Reconciliation failed terminally due to configuration error: "
	noArtifactText      = "Source artifact not found, retrying in %s"
	artifactGoneText    = "Source is not ready, artifact not found, retrying in %s"
	dependencyEventText = "Dependencies do not meet ready condition, retrying in %s"
	healthPassedText    = "Health check passed in %s"
	healthFailedText    = "health check failed after %s: %s"
)

// step is the text of the Reconciling condition while a phase runs.
type step string

const (
	stepFetch  step = "Fetching manifests for revision %s with a timeout of %s"
	stepBuild  step = "Building manifests for revision %s with a timeout of %s"
	stepApply  step = "Detecting drift for revision %s with a timeout of %s"
	stepHealth step = "Running health checks for revision %s with a timeout of %s"
)

func (s *scope) stepMessage() string {
	return fmt.Sprintf(string(s.step), s.artifact.Revision, s.obj.GetTimeout())
}

// setStatus turns what a run found and how it ended into the status of the object. It is the only place that sets conditions.
func setStatus(s *scope, r reconcile.Result) {
	if r.Suspended || r.Deleting {
		return
	}
	before := s.obj.Status.DeepCopy()
	recordFacts(s)
	switch {
	case r.Running, r.Class == outcome.Waiting && r.Reason == meta.ProgressingReason:
		setProgressing(s)
	case r.Class == outcome.Done:
		setReady(s)
	case r.Class == outcome.Stalled:
		conditions.MarkStalled(s.obj, r.Reason, "%s", r.Message())
		conditions.MarkFalse(s.obj, meta.ReadyCondition, r.Reason, "%s", r.Message())
	default:
		setFailed(s, r)
	}
	if !s.checksHealth() || s.unchecked {
		conditions.Delete(s.obj, kustomizev1.HealthyCondition)
	}
	if !r.Running && (r.Class != outcome.Done || s.newsSince(before)) {
		recordHistory(s, r)
	}
}

// newsSince tells whether a run that is done has anything to tell but that it took place: it was asked for, it changed an object, what it
// rendered is new, or the status is another than before it.
func (s *scope) newsSince(before *kustomizev1.KustomizationStatus) bool {
	latest := s.obj.Status.History.Latest()
	return s.requested() || len(s.applied.Changed()) > 0 || len(s.pruned.Items) > 0 ||
		latest == nil || latest.Digest != s.digest || !equality.Semantic.DeepEqual(before, &s.obj.Status)
}

// recordFacts copies what the phases found.
func recordFacts(s *scope) {
	if s.attempted {
		s.obj.Status.LastAttemptedRevision = s.artifact.Revision
	}
	if s.inventory != nil {
		s.obj.Status.Inventory = &kustomizev1.ResourceInventory{Entries: toInventory(s.inventory)}
	}
}

// setProgressing shows a run that goes on. An object that is Ready stays so while the same revision of the same generation is looked at again.
func setProgressing(s *scope) {
	conditions.MarkReconciling(s.obj, meta.ProgressingReason, "%s", s.stepMessage())
	again := conditions.IsTrue(s.obj, meta.ReadyCondition) && s.obj.Status.LastAppliedRevision == s.artifact.Revision &&
		s.obj.Status.ObservedGeneration == s.obj.Generation
	if !again {
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, meta.ProgressingReason, progressText)
	}
	if s.step == stepHealth {
		conditions.MarkUnknown(s.obj, kustomizev1.HealthyCondition, meta.ProgressingReason, "%s", s.stepMessage())
	}
}

func setReady(s *scope) {
	conditions.Delete(s.obj, meta.ReconcilingCondition)
	conditions.Delete(s.obj, meta.StalledCondition)
	if s.checksHealth() && !s.unchecked && !s.knownHealthy() {
		conditions.MarkTrue(s.obj, kustomizev1.HealthyCondition, meta.SucceededReason, healthPassedText, roundUp(s.healthTook))
	}
	conditions.MarkTrue(s.obj, meta.ReadyCondition, kustomizev1.ReconciliationSucceededReason, appliedText, s.artifact.Revision)
	s.obj.Status.LastAppliedRevision = s.artifact.Revision
	s.obj.Status.LastAppliedOriginRevision = s.originRevision()
}

// knownHealthy tells whether the Healthy condition holds already what this run found. How long a look took that found nothing new, such as the
// first after a restart, is no news.
func (s *scope) knownHealthy() bool {
	c := conditions.Get(s.obj, kustomizev1.HealthyCondition)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == s.obj.Generation && !s.last.changed
}

// setFailed covers faults that a retry may cure and waits for something outside this object.
func setFailed(s *scope, r reconcile.Result) {
	reason := r.Reason
	switch {
	case reason == "" && r.Phase == phaseSource:
		reason = kustomizev1.ArtifactFailedReason
	case reason == "":
		reason = kustomizev1.ReconciliationFailedReason
	}
	conditions.Delete(s.obj, meta.StalledCondition)
	if s.step != "" {
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", s.stepMessage())
	} else if c := conditions.Get(s.obj, meta.ReconcilingCondition); c != nil {
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", c.Message)
	}
	if s.step == stepHealth && reason == kustomizev1.HealthCheckFailedReason {
		conditions.MarkFalse(s.obj, kustomizev1.HealthyCondition, reason, "%s", s.healthFault)
	}
	conditions.MarkFalse(s.obj, meta.ReadyCondition, reason, "%s", r.Message())
}

// recordHistory keeps one line for each result of each rendered content. A run that found everything as it was left adds to its line only
// when the status is written anyway, so that an idle object is rewritten neither at its intervals nor by a restart.
func recordHistory(s *scope, r reconcile.Result) {
	var reason string
	switch {
	case s.digest == "":
		return
	case r.Class == outcome.Done:
		reason = kustomizev1.ReconciliationSucceededReason
	case r.Class == outcome.Failed && keepsHistory(r.Reason):
		reason = r.Reason
	default:
		return
	}
	metadata := map[string]string{"revision": s.artifact.Revision}
	if origin := s.originRevision(); origin != "" {
		metadata["originRevision"] = origin
	}
	s.obj.Status.History.Upsert(s.digest, s.run.Started, s.took(r), reason, metadata)
}

// ownedConditions are the types that this kind sets or removes.
func ownedConditions() []string {
	return []string{meta.ReadyCondition, meta.ReconcilingCondition, meta.StalledCondition, kustomizev1.HealthyCondition}
}

// keepsHistory lists the failures of the rendered content itself, as against those of fetching or building it.
func keepsHistory(reason string) bool {
	return reason == kustomizev1.ReconciliationFailedReason || reason == kustomizev1.PruneFailedReason || reason == kustomizev1.HealthCheckFailedReason
}

// observed tells whether observedGeneration may follow the generation. Flux: kustomize-controller contract, "Status": only with a final
// verdict on the spec, which a refused reference is not.
func observed(obj *kustomizev1.Kustomization, r reconcile.Result) bool {
	if r.Class == outcome.Stalled {
		return r.Reason == kustomizev1.InvalidCELExpressionReason
	}
	return !r.Running && !r.Deleting && conditions.IsTrue(obj, meta.ReadyCondition)
}

// roundUp makes a duration fit for a text: whole milliseconds, and never zero.
func roundUp(d time.Duration) time.Duration {
	return max(d.Round(time.Millisecond), time.Millisecond)
}
