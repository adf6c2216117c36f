// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"cmp"
	"slices"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textStored      = "stored artifact for revision '%s'"
	textOutdated    = "new upstream revision '%s'"
	textBuilding    = "building artifact"
	textLost        = "building artifact: disappeared from storage"
	textBuildingNew = "building artifact: new upstream revision '%s'"
	textProgressing = "reconciliation in progress"
)

// order is which condition decides Ready among those of the same weight. Flux: source-controller contract, "Summary order per kind".
func order() []string {
	return []string{
		sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.IncludeUnavailableCondition,
		sourcev1.ArtifactOutdatedCondition, sourcev1.ArtifactInStorageCondition, sourcev1.SourceVerifiedCondition,
		meta.StalledCondition, meta.ReconcilingCondition,
	}
}

// owned are the condition types that this kind sets.
func owned() []string { return append(order(), meta.ReadyCondition) }

// setStatus turns the facts of a run and how it ended, or stands, into status.
func setStatus(s *scope, r reconcile.Result) {
	if !publish.HasFacts(s.obj, r) {
		return
	}
	setArtifact(s)
	setOutdated(s, r)
	setFailures(s, r)
	publish.Conclude(s.obj, r, publish.Conclusion{Order: order(), Progress: progress(s), Told: r.Reports != "" && r.Reason != sourcev1.SourceIgnoreErrorReason})
}

// setArtifact brings in what storage holds.
func setArtifact(s *scope) {
	status := &s.obj.Status
	if !s.looked {
		return
	}
	if !s.found.Adopted {
		// What is adopted is not told: nobody knows for which settings it was made, and this run makes it again.
		status.Artifact = s.found.Artifact
	}
	if s.stored != nil {
		status.Artifact = s.stored
		status.ObservedIgnore = s.obj.Spec.Ignore
		status.ObservedSparseCheckout = slices.Clone(s.obj.Spec.SparseCheckout)
		status.ObservedRecurseSubmodules = s.obj.Spec.RecurseSubmodules
		status.ObservedInclude, status.IncludedArtifacts = nil, nil
	}
	if status.Artifact == nil {
		conditions.Delete(s.obj, sourcev1.ArtifactInStorageCondition)
		return
	}
	conditions.MarkTrue(s.obj, sourcev1.ArtifactInStorageCondition, meta.SucceededReason, textStored, status.Artifact.Revision)
}

// setOutdated says that upstream is ahead of what is published. A run that does not get as far as asking leaves it as it is.
func setOutdated(s *scope, r reconcile.Result) {
	switch {
	case s.unchanged, s.stored != nil, s.looked && s.found.Artifact == nil, r.Succeeded():
		conditions.Delete(s.obj, sourcev1.ArtifactOutdatedCondition)
	case s.target.Revision != "" && isNew(s):
		conditions.MarkTrue(s.obj, sourcev1.ArtifactOutdatedCondition, sourcev1.NewRevisionReason, textOutdated, s.target.Revision)
	}
}

// setFailures sets the condition that the failed phase reports, and removes those that earlier phases of this run disproved.
func setFailures(s *scope, r reconcile.Result) {
	// Nothing of this is looked at by this version, so nothing may stay behind of another one.
	conditions.Delete(s.obj, sourcev1.IncludeUnavailableCondition)
	conditions.Delete(s.obj, sourcev1.SourceVerifiedCondition)
	if s.looked {
		conditions.Delete(s.obj, sourcev1.StorageOperationFailedCondition)
	}
	if s.unchanged || s.fetched || r.Phase == phaseAccept {
		conditions.Delete(s.obj, sourcev1.FetchFailedCondition)
	}
	if r.Running || r.Class == outcome.Done || r.Reports == "" || r.Reason == sourcev1.SourceIgnoreErrorReason {
		return
	}
	conditions.MarkTrue(s.obj, r.Reports, cmp.Or(r.Reason, meta.FailedReason), "%s", r.Message())
}

// progress describes what the run is about.
func progress(s *scope) string {
	switch {
	case s.looked && s.found.Artifact != nil && s.target.Revision != "" && isNew(s):
		return conditions.TrueCondition("", "", textBuildingNew, s.target.Revision).Message
	case s.found.Lost:
		return textLost
	case s.looked && s.found.Artifact == nil:
		return textBuilding
	}
	return textProgressing
}
