// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// negative are the condition types of sources whose presence is bad news.
func negative() []string {
	return []string{
		sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.IncludeUnavailableCondition, sourcev1.BuildFailedCondition,
		sourcev1.ArtifactOutdatedCondition, meta.StalledCondition, meta.ReconcilingCondition,
	}
}

// SumUp sets Ready from the other conditions. order lists the types that count, the more important first; it decides among those of the same
// weight. Flux: source-controller contract, "Computing Ready".
func SumUp(obj conditions.Setter, order []string) {
	conditions.SetSummary(obj, meta.ReadyCondition, conditions.WithConditions(order...), conditions.WithNegativePolarityConditions(negative()...))
	if verified := conditions.Get(obj, sourcev1.SourceVerifiedCondition); verified != nil && verified.Status == "False" {
		conditions.MarkFalse(obj, meta.ReadyCondition, verified.Reason, "%s", verified.Message)
	}
}
