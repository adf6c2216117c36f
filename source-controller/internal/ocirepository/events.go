// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"fmt"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Annotations of manifests that tell where the content comes from. OCI image specification, "Annotations".
const (
	annotationSource   = "org.opencontainers.image.source"
	annotationRevision = "org.opencontainers.image.revision"
)

// events lists what a run has to tell. A run in which nothing moved has nothing to tell, not even to the cluster: the contract's trace events
// of such runs would be a request per object and interval.
func events(before *sourcev1.OCIRepository, s *scope, r reconcile.Result) []kitevents.Event {
	all := publish.StorageEvents(s.found)
	if r.IsError() {
		return append(all, publish.FaultEvent(r))
	}
	reason := publish.SuccessReason(before, s.obj, r, sourcev1.FetchFailedCondition, sourcev1.StorageOperationFailedCondition)
	if reason != "" {
		all = append(all, kitevents.Event{Reason: reason, Message: storedMessage(s.obj), Metadata: publish.Metadata(s.obj.Status.Artifact)})
	}
	return all
}

// storedMessage names the artifact and, if it says so, what it was made of. Flux: source-controller contract, "Which events".
func storedMessage(o *sourcev1.OCIRepository) string {
	a := o.Status.Artifact
	message := fmt.Sprintf("stored artifact with revision '%s' from '%s'", a.Revision, o.Spec.URL)
	source, revision := a.Metadata[annotationSource], a.Metadata[annotationRevision]
	if source != "" && revision != "" {
		message += fmt.Sprintf(", origin source '%s', origin revision '%s'", source, revision)
	}
	return message
}
