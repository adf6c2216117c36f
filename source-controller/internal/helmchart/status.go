// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textChart       = "%s '%s' chart with version '%s'"
	textMerged      = " and merged values files [%s]"
	textNoArtifact  = "no artifact available for %s source '%s'"
	textBuilding    = "building artifact"
	textLost        = "building artifact: disappeared from storage"
	textProgressing = "reconciliation in progress"
)

// order is which condition decides Ready among those of the same weight. Flux: source-controller contract, "Summary order per kind".
func order() []string {
	return []string{
		sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition, sourcev1.ArtifactOutdatedCondition,
		sourcev1.ArtifactInStorageCondition, sourcev1.SourceVerifiedCondition, meta.StalledCondition, meta.ReconcilingCondition,
	}
}

// owned are the condition types that this kind sets.
func owned() []string { return append(order(), meta.ReadyCondition) }

// setStatus turns the facts of a run and how it ended, or stands, into status.
func setStatus(s *scope, r reconcile.Result) {
	if !publish.HasFacts(s.obj, r) {
		return
	}
	if s.read {
		s.obj.Status.ObservedSourceArtifactRevision = s.revision
	}
	setArtifact(s)
	setOutdated(s, r)
	setFailures(s, r)
	publish.Conclude(s.obj, r, publish.Conclusion{Order: order(), Progress: progress(s), Told: r.Reports != ""})
}

// setArtifact brings in what storage holds.
func setArtifact(s *scope) {
	status := &s.obj.Status
	if !s.looked {
		return
	}
	if !s.found.Adopted {
		// What is adopted is not told: this run makes it again.
		status.Artifact = s.found.Artifact
	}
	status.URL = s.link
	if s.stored != nil {
		status.Artifact, status.ObservedChartName, status.ObservedValuesFiles = s.stored, s.chart.name, nil
		if s.obj.Spec.IgnoreMissingValuesFiles {
			status.ObservedValuesFiles = s.built.ValuesFiles
		}
		reason, verb := sourcev1.ChartPullSucceededReason, "pulled"
		if s.built.Packaged {
			reason, verb = sourcev1.ChartPackageSucceededReason, "packaged"
		}
		conditions.MarkTrue(s.obj, sourcev1.ArtifactInStorageCondition, reason, "%s", summary(s, verb))
		return
	}
	if status.Artifact == nil {
		conditions.Delete(s.obj, sourcev1.ArtifactInStorageCondition)
		return
	}
	if !conditions.Has(s.obj, sourcev1.ArtifactInStorageCondition) {
		conditions.MarkTrue(s.obj, sourcev1.ArtifactInStorageCondition, sourcev1.ChartPullSucceededReason, textChart,
			"pulled", status.ObservedChartName, status.Artifact.Revision)
	}
}

// summary says what happened to the chart.
func summary(s *scope, verb string) string {
	text := fmt.Sprintf(textChart, verb, s.chart.name, s.version)
	if len(s.built.ValuesFiles) > 0 {
		text += fmt.Sprintf(textMerged, strings.Join(s.built.ValuesFiles, " "))
	}
	return text
}

// isNew reports whether the source has another chart, or another version of it, than what is published.
func isNew(s *scope) bool {
	published := s.found.Artifact
	return published != nil && s.version != "" && !s.unchanged &&
		(published.Revision != s.version || s.obj.Status.ObservedChartName != s.chart.name)
}

// setOutdated says that the source is ahead of what is published. A run that does not get as far as asking leaves it as it is.
func setOutdated(s *scope, r reconcile.Result) {
	switch {
	case s.unchanged, s.stored != nil, s.looked && s.found.Artifact == nil, r.Succeeded():
		conditions.Delete(s.obj, sourcev1.ArtifactOutdatedCondition)
	case isNew(s):
		conditions.MarkTrue(s.obj, sourcev1.ArtifactOutdatedCondition, sourcev1.NewChartReason, "%s", summary(s, "new"))
	}
}

// setFailures sets the condition that the failed phase reports, and removes those that earlier phases of this run disproved.
func setFailures(s *scope, r reconcile.Result) {
	// No signature is looked at by this version, so nothing may stay behind of another one.
	conditions.Delete(s.obj, sourcev1.SourceVerifiedCondition)
	if s.looked {
		conditions.Delete(s.obj, sourcev1.StorageOperationFailedCondition)
	}
	if s.unchanged || s.pulled || r.Phase == phaseAccept {
		conditions.Delete(s.obj, sourcev1.FetchFailedCondition)
	}
	if s.unchanged || s.content != nil || r.Phase == phaseAccept || r.Reports == sourcev1.FetchFailedCondition {
		// A source that cannot be read leaves nothing to build.
		conditions.Delete(s.obj, sourcev1.BuildFailedCondition)
	}
	if r.Running || r.Class == outcome.Done || r.Reports == "" {
		return
	}
	if r.Reports == sourcev1.BuildFailedCondition {
		conditions.Delete(s.obj, sourcev1.FetchFailedCondition)
	}
	conditions.MarkTrue(s.obj, r.Reports, cmp.Or(r.Reason, meta.FailedReason), "%s", r.Message())
}

// progress describes what the run is about.
func progress(s *scope) string {
	switch {
	case isNew(s):
		return textBuilding + ": " + summary(s, "new")
	case s.found.Lost:
		return textLost
	case s.looked && s.found.Artifact == nil:
		return textBuilding
	}
	return textProgressing
}
