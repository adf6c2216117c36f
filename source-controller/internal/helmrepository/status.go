// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textStored   = "stored artifact: revision '%s'"
	textOutdated = "new index revision '%s'"
)

// order is which condition decides Ready among those of the same weight. Flux: source-controller contract, "Summary order per kind".
func order() []string {
	return []string{
		sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.ArtifactOutdatedCondition,
		sourcev1.ArtifactInStorageCondition, meta.StalledCondition, meta.ReconcilingCondition,
	}
}

// owned are the condition types that this kind sets.
func owned() []string { return append(order(), meta.ReadyCondition) }

// setStatus turns the facts of a run and how it ended, or stands, into status.
func setStatus(s *scope, r reconcile.Result) {
	publish.SetStatus(s.files, r, publish.Facts{
		Order:     order(),
		InStorage: publish.Succeeded(textStored),
		News:      news(s),
		Unchanged: s.unchanged, Fetched: s.compiled != nil,
	})
}

// news describes the index that was downloaded if it is not the published one.
func news(s *scope) string {
	published := s.files.Found.Artifact
	if s.revision == "" || s.unchanged || published != nil && published.Revision == s.revision {
		return ""
	}
	return fmt.Sprintf(textOutdated, s.revision)
}
