// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textChart      = "%s '%s' chart with version '%s'"
	textMerged     = " and merged values files [%s]"
	textNoArtifact = "no artifact available for %s source '%s'"
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
	status := &s.obj.Status
	if s.read {
		status.ObservedSourceArtifactRevision = s.revision
	}
	if s.files.Stored != nil {
		status.ObservedChartName, status.ObservedValuesFiles = s.chart.name, nil
		if s.obj.Spec.IgnoreMissingValuesFiles {
			status.ObservedValuesFiles = s.built.ValuesFiles
		}
	}
	publish.SetStatus(s.files, r, publish.Facts{
		Order:     order(),
		InStorage: func(a *meta.Artifact) (reason, message string) { return inStorage(s, a) },
		News:      news(s), NewsReason: sourcev1.NewChartReason,
		Unchanged: s.unchanged, Fetched: s.pulled, Built: s.content != nil,
	})
}

// inStorage tells how the published chart came about. That of an earlier run is told as it was then.
func inStorage(s *scope, published *meta.Artifact) (reason, message string) {
	told := conditions.Get(s.obj, sourcev1.ArtifactInStorageCondition)
	switch {
	case s.files.Stored != nil && s.built.Packaged:
		return sourcev1.ChartPackageSucceededReason, summary(s, "packaged")
	case s.files.Stored != nil:
		return sourcev1.ChartPullSucceededReason, summary(s, "pulled")
	case told != nil:
		return told.Reason, told.Message
	}
	return sourcev1.ChartPullSucceededReason, fmt.Sprintf(textChart, "pulled", s.obj.Status.ObservedChartName, published.Revision)
}

// news describes the chart of the source if it is not the published one.
func news(s *scope) string {
	if s.version == "" || s.unchanged || !isNew(s) {
		return ""
	}
	// Without values files, which are merged later: the text must not change on the way.
	return fmt.Sprintf(textChart, "new", s.chart.name, s.version)
}

// summary says what happened to the chart.
func summary(s *scope, verb string) string {
	text := fmt.Sprintf(textChart, verb, s.chart.name, s.version)
	if len(s.built.ValuesFiles) > 0 {
		text += fmt.Sprintf(textMerged, strings.Join(s.built.ValuesFiles, " "))
	}
	return text
}
