// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"cmp"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// textUpToDate is what a run that found nothing new has to tell. Flux: source-controller contract, "Message catalogue".
const textUpToDate = "artifact up-to-date with remote revision: '%s'"

// UpToDate is the event of a run that found nothing new.
func UpToDate(a *meta.Artifact) kitevents.Event {
	return kitevents.Event{Reason: sourcev1.ArtifactUpToDateReason, Message: fmt.Sprintf(textUpToDate, a.Revision)}
}

// News are the events of a kind about what is published.
type News struct {
	// Stored makes the one about an artifact that is new, or that is told after a failure, for the reason NewArtifact or Succeeded.
	Stored func(reason string) kitevents.Event
	// Same makes the one about an artifact that is what is wanted. Nil means UpToDate.
	Same func(*meta.Artifact) kitevents.Event
}

// Events lists what a run of any kind has to tell; before is the object as it was read. A run in which nothing moved tells so to who asked for it, in
// the cluster. By interval it tells nothing: the contract's trace events of such runs would be a request per object and interval.
func Events(before Source, f *Files, r reconcile.Result, news News) []kitevents.Event {
	all := storageEvents(f)
	switch {
	case r.IsError():
		return append(all, faultEvent(r))
	case r.Class == outcome.Waiting && conditions.GetReason(before, r.Reports) != r.Reason:
		return append(all, kitevents.Event{Reason: r.Reason, Message: r.Message(), To: kitevents.Cluster})
	}
	published := f.Source.GetArtifact()
	if reason := successReason(before, f.Source, r); reason != "" {
		e := news.Stored(reason)
		e.Metadata = map[string]string{sourcev1.RevisionMetadataKey: published.Revision, sourcev1.DigestMetadataKey: published.Digest}
		return append(all, e)
	}
	if r.Succeeded() && f.Run.Requested != "" && published != nil && f.Stored == nil {
		e := same(news, published)
		e.To = kitevents.Cluster
		all = append(all, e)
	}
	return all
}

func same(news News, published *meta.Artifact) kitevents.Event {
	if news.Same == nil {
		return UpToDate(published)
	}
	return news.Same(published)
}

// storageEvents tells what happened to the files of an object.
func storageEvents(f *Files) []kitevents.Event {
	var all []kitevents.Event
	if n := len(f.Found.Removed); n > 0 {
		all = append(all, kitevents.Event{
			Reason:  sourcev1.GarbageCollectionSucceededReason,
			Message: fmt.Sprintf("garbage collected %d artifacts", n),
			To:      kitevents.Cluster,
		})
	}
	if f.Found.Altered != nil {
		all = append(all, kitevents.Event{
			Severity: kitevents.Error,
			Reason:   sourcev1.ArtifactVerificationFailedReason,
			Message:  "stored artifact was altered and is made again: " + f.Found.Altered.Error(),
		})
	}
	if f.Unlinked != nil {
		all = append(all, kitevents.Event{
			Reason:  sourcev1.SymlinkUpdateFailedReason,
			Message: "link to the latest artifact not set: " + f.Unlinked.Error(),
			To:      kitevents.Cluster,
		})
	}
	return all
}

// faultEvent tells of a run that ended with a fault.
func faultEvent(r reconcile.Result) kitevents.Event {
	return kitevents.Event{Severity: kitevents.Error, Reason: cmp.Or(r.Reason, meta.FailedReason), Message: r.Message()}
}

// successReason is why a run is worth an event, empty if it is not: NewArtifact for a new digest, Succeeded for the end of a failure.
// Flux: source-controller contract, "Which events".
func successReason(before, after Source, r reconcile.Result) string {
	old, published := before.GetArtifact(), after.GetArtifact()
	if !r.Succeeded() || published == nil {
		return ""
	}
	if old == nil || old.Digest != published.Digest {
		return sourcev1.NewArtifactReason
	}
	for _, failure := range []string{
		sourcev1.FetchFailedCondition, sourcev1.StorageOperationFailedCondition, sourcev1.IncludeUnavailableCondition, sourcev1.BuildFailedCondition,
	} {
		if conditions.IsTrue(before, failure) {
			return meta.SucceededReason
		}
	}
	return ""
}
