// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"

	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// events lists what a run has to tell. A run in which nothing moved has nothing to tell.
func events(before *sourcev1.HelmChart, s *scope, r reconcile.Result) []kitevents.Event {
	all := publish.StorageEvents(s.found)
	if s.resolved > 0 {
		all = append(all, kitevents.Event{
			Reason:  sourcev1.ResolvedDependenciesReason,
			Message: fmt.Sprintf("resolved %d chart dependencies", s.resolved),
			To:      kitevents.Cluster,
		})
	}
	if r.IsError() {
		return append(all, publish.FaultEvent(r))
	}
	if r.Class == outcome.Waiting && conditions.GetReason(before, sourcev1.FetchFailedCondition) != r.Reason {
		return append(all, kitevents.Event{Reason: r.Reason, Message: r.Message(), To: kitevents.Cluster})
	}
	failures := []string{sourcev1.FetchFailedCondition, sourcev1.StorageOperationFailedCondition, sourcev1.BuildFailedCondition}
	if publish.SuccessReason(before, s.obj, r, failures...) == "" {
		return all
	}
	published := conditions.Get(s.obj, sourcev1.ArtifactInStorageCondition)
	if published == nil {
		return all
	}
	return append(all, kitevents.Event{Reason: published.Reason, Message: published.Message, Metadata: publish.Metadata(s.obj.Status.Artifact)})
}
