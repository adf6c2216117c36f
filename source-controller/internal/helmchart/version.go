// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
)

const (
	// revisionDigits is how much of a commit goes into a version.
	revisionDigits = 12
	// defaultValues is the values file that a chart has anyway.
	defaultValues = "values.yaml"
	// noteUse names the private file about the published chart, maxNoteBytes is more than it takes.
	noteUse      = "build"
	maxNoteBytes = 1 << 20
)

// note is what is kept of how the published chart came about.
type note struct {
	// Subject is the artifact.
	Subject string `json:"subject"`
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
	s.unchanged = r.isPublished(s)
	return nil
}

// metadata is what tells the chart from others of the same version. Flux: source-controller contract, "Version selection and metadata".
func metadata(s *scope) string {
	var parts []string
	if s.obj.Spec.ReconcileStrategy == sourcev1.ReconcileStrategyRevision && s.obj.Spec.SourceRef.Kind == sourcev1.GitRepositoryKind {
		if _, commit, ok := strings.Cut(s.revision[strings.LastIndexByte(s.revision, '@')+1:], ":"); ok {
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
func (r *Reconciler) isPublished(s *scope) bool {
	published, status := s.found.Artifact, s.obj.Status
	if published == nil || s.found.Adopted || status.ObservedGeneration != s.obj.Generation {
		return false
	}
	if published.Revision != s.version || status.ObservedChartName != s.chart.name {
		return false
	}
	// A generation may have been observed without success, while the chart is that of an earlier one.
	kept, ok := r.readNote(s)
	return !ok || kept.Generation == s.obj.Generation
}

// readNote returns what is kept about the published chart. It may be lost.
func (r *Reconciler) readNote(s *scope) (note, bool) {
	data, err := r.Store.ReadState(object(s.obj), noteUse, maxNoteBytes)
	if err != nil {
		return note{}, false
	}
	var kept note
	if err := json.Unmarshal(data, &kept); err != nil || s.found.Artifact == nil || kept.Subject != subject(s.found.Artifact.Path, s.found.Artifact.Digest) {
		return note{}, false
	}
	return kept, true
}

func (r *Reconciler) writeNote(s *scope) error {
	data, err := json.Marshal(s.built)
	if err != nil {
		return fmt.Errorf("encode note: %w", err)
	}
	return r.Store.WriteState(object(s.obj), noteUse, data)
}

// subject names an artifact.
func subject(path, digest string) string { return path + "@" + digest }
