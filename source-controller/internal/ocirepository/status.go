// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textStored   = "stored artifact for digest '%s'"
	textOutdated = "new revision '%s' for '%s'"
)

// order is which condition decides Ready among those of the same weight. Flux: source-controller contract, "Summary order per kind".
func order() []string {
	return []string{
		sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.ArtifactOutdatedCondition,
		sourcev1.ArtifactInStorageCondition, sourcev1.SourceVerifiedCondition, meta.StalledCondition, meta.ReconcilingCondition,
	}
}

// owned are the condition types that this kind sets.
func owned() []string { return append(order(), meta.ReadyCondition) }

// setStatus turns the facts of a run and how it ended, or stands, into status.
func setStatus(s *scope, r reconcile.Result) {
	if s.files.Stored != nil {
		s.obj.Status.ObservedIgnore, s.obj.Status.ObservedLayerSelector = s.obj.Spec.Ignore, s.obj.Spec.LayerSelector
	}
	publish.SetStatus(s.files, r, publish.Facts{
		Order:     order(),
		InStorage: publish.Succeeded(textStored),
		News:      news(s),
		Unchanged: s.unchanged, Fetched: s.fetched,
	})
}

// news describes what the registry has if it is not what is published.
func news(s *scope) string {
	if s.target.revision == "" || !isNew(s) {
		return ""
	}
	return fmt.Sprintf(textOutdated, s.target.revision, s.target.reference)
}
