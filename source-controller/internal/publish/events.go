// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Source is an object with an artifact.
type Source interface {
	conditions.Setter
	GetArtifact() *meta.Artifact
}

// StorageEvents tells what Look did to the files of an object.
func StorageEvents(found Found) []kitevents.Event {
	var all []kitevents.Event
	if len(found.Removed) > 0 {
		all = append(all, kitevents.Event{
			Reason:  sourcev1.GarbageCollectionSucceededReason,
			Message: fmt.Sprintf("garbage collected %d artifacts", len(found.Removed)),
			To:      kitevents.Cluster,
		})
	}
	if found.Altered != nil {
		all = append(all, kitevents.Event{
			Severity: kitevents.Error,
			Reason:   sourcev1.ArtifactVerificationFailedReason,
			Message:  "stored artifact was altered and is made again: " + found.Altered.Error(),
		})
	}
	return all
}

// FaultEvent tells of a run that ended with a fault.
func FaultEvent(r reconcile.Result) kitevents.Event {
	reason := r.Reason
	if r.Class == outcome.Unforeseen {
		reason = meta.FailedReason
	}
	return kitevents.Event{Severity: kitevents.Error, Reason: reason, Message: r.Message()}
}

// SuccessReason is why a run is worth an event, empty if it is not: NewArtifact for a new digest, Succeeded for the end of one of the given
// failures. Flux: source-controller contract, "Which events".
func SuccessReason(before, after Source, r reconcile.Result, failures ...string) string {
	old, published := before.GetArtifact(), after.GetArtifact()
	if !r.Succeeded() || published == nil {
		return ""
	}
	if old == nil || old.Digest != published.Digest {
		return sourcev1.NewArtifactReason
	}
	for _, failure := range failures {
		if conditions.IsTrue(before, failure) {
			return meta.SucceededReason
		}
	}
	return ""
}

// Metadata are the facts that go with an event about an artifact.
func Metadata(a *meta.Artifact) map[string]string {
	return map[string]string{sourcev1.RevisionMetadataKey: a.Revision, sourcev1.DigestMetadataKey: a.Digest}
}
