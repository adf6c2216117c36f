// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"fmt"
	"slices"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textStored   = "stored artifact for revision '%s'"
	textOutdated = "new upstream revision '%s'"
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
	status := &s.obj.Status
	if s.files.Stored != nil {
		status.ObservedIgnore = s.obj.Spec.Ignore
		status.ObservedSparseCheckout = slices.Clone(s.obj.Spec.SparseCheckout)
		status.ObservedRecurseSubmodules = s.obj.Spec.RecurseSubmodules
		status.ObservedInclude, status.IncludedArtifacts = nil, nil
	}
	if s.files.Stored != nil || s.unchanged {
		// This version verifies nothing, so that another one has to do it again.
		status.SourceVerificationMode = nil
	}
	publish.SetStatus(s.files, r, publish.Facts{
		Order:     order(),
		InStorage: publish.Succeeded(textStored),
		News:      news(s),
		Unchanged: s.unchanged, Fetched: s.fetched,
	})
}

// news describes the revision of the remote if it is not the published one.
func news(s *scope) string {
	if s.target.Revision == "" || !isNew(s) {
		return ""
	}
	return fmt.Sprintf(textOutdated, s.target.Revision)
}
