// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// events lists what a run has to tell.
func events(before *sourcev1.HelmChart, s *scope, r reconcile.Result) []kitevents.Event {
	var all []kitevents.Event
	if s.resolved > 0 {
		all = append(all, kitevents.Event{
			Reason:  sourcev1.ResolvedDependenciesReason,
			Message: fmt.Sprintf("resolved %d chart dependencies", s.resolved),
			To:      kitevents.Cluster,
		})
	}
	return append(all, publish.Events(before, s.files, r, publish.News{Stored: func(string) kitevents.Event {
		reason, message := inStorage(s, s.obj.Status.Artifact)
		return kitevents.Event{Reason: reason, Message: message}
	}})...)
}
