// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"slices"
	"strconv"
	"strings"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
)

const (
	// revisionDigits is how much of a commit goes into a version.
	revisionDigits = 12
	// defaultValues is the values file that a chart has anyway.
	defaultValues = "values.yaml"
	// noteUse names the private note about the published chart.
	noteUse = "build"
)

// note is what is kept of how the published chart came about.
type note struct {
	// Generation is that of the spec it was made for.
	Generation int64 `json:"generation"`
	// Packaged says that it is not what was downloaded.
	Packaged bool `json:"packaged,omitempty"`
	// ValuesFiles were merged.
	ValuesFiles []string `json:"valuesFiles,omitempty"`
}

// decide adds build metadata to the version, and ends the work if that chart is published.
func (r *Reconciler) decide(_ context.Context, s *scope) error {
	s.version = s.chart.version
	if suffix := metadata(s); suffix != "" {
		version, err := helmchart.WithBuildMetadata(s.chart.version, suffix)
		if err != nil {
			return outcome.Stall(sourcev1.ChartMetadataPatchErrorReason, err)
		}
		s.version = version
	}
	s.unchanged = isPublished(s)
	return nil
}

// metadata is what tells the chart from others of the same version. Flux: source-controller contract, "Version selection and metadata".
func metadata(s *scope) string {
	var parts []string
	if s.obj.Spec.ReconcileStrategy == sourcev1.ReconcileStrategyRevision && s.obj.Spec.SourceRef.Kind == sourcev1.GitRepositoryKind {
		revision := git.NormalizeRevision(s.revision) // an older controller may have written it
		if _, commit, ok := strings.Cut(revision[strings.LastIndexByte(revision, '@')+1:], ":"); ok {
			parts = append(parts, commit[:min(revisionDigits, len(commit))])
		}
	}
	if len(valuesFiles(s.obj)) > 0 {
		parts = append(parts, strconv.FormatInt(s.obj.Generation, 10))
	}
	return strings.Join(parts, ".")
}

// valuesFiles lists what to merge: nothing if it is what the chart has anyway.
func valuesFiles(o *sourcev1.HelmChart) []string {
	if slices.Equal(o.Spec.ValuesFiles, []string{defaultValues}) {
		return nil
	}
	return o.Spec.ValuesFiles
}

// isPublished reports whether the published chart is the one that is wanted.
func isPublished(s *scope) bool {
	if !s.files.Found.Usable() || isNew(s) || s.obj.Status.ObservedGeneration != s.obj.Generation {
		return false
	}
	// A generation may have been observed without success, while the chart is that of an earlier one.
	var kept note
	return !s.files.Recall(noteUse, &kept) || kept.Generation == s.obj.Generation
}

// isNew reports whether the source has another chart, or another version of it, than what is published.
func isNew(s *scope) bool {
	published := s.files.Found.Artifact
	return published == nil || published.Revision != s.version || s.obj.Status.ObservedChartName != s.chart.name
}
