// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// maxSubjectRunes is how much of the first line of a commit message is told. Flux: source-controller contract, "Which events".
const maxSubjectRunes = 50

// events lists what a run has to tell. A run in which nothing moved has nothing to tell, not even to the cluster: the contract's trace events
// of such runs would be a request per object and interval.
func events(before *sourcev1.GitRepository, s *scope, r reconcile.Result) []kitevents.Event {
	var all []kitevents.Event
	if len(s.found.Removed) > 0 {
		all = append(all, kitevents.Event{
			Reason:  sourcev1.GarbageCollectionSucceededReason,
			Message: fmt.Sprintf("garbage collected %d artifacts", len(s.found.Removed)),
			To:      kitevents.Cluster,
		})
	}
	if s.found.Altered != nil {
		all = append(all, kitevents.Event{
			Severity: kitevents.Error,
			Reason:   sourcev1.ArtifactVerificationFailedReason,
			Message:  "stored artifact was altered and is made again: " + s.found.Altered.Error(),
		})
	}
	if r.IsError() {
		return append(all, kitevents.Event{Severity: kitevents.Error, Reason: reasonOf(r), Message: r.Message()})
	}
	if reason := successReason(before, s, r); reason != "" {
		all = append(all, kitevents.Event{Reason: reason, Message: storedMessage(s), Metadata: metadata(s.obj.Status.Artifact)})
	}
	return all
}

// reasonOf is the reason of an error event.
func reasonOf(r reconcile.Result) string {
	if r.Class == outcome.Unforeseen {
		return meta.FailedReason
	}
	return r.Reason
}

// successReason is why a good run is worth an event, empty if it is not: a new digest, or the end of a failure.
func successReason(before *sourcev1.GitRepository, s *scope, r reconcile.Result) string {
	switch {
	case !r.Succeeded() || s.obj.Status.Artifact == nil:
		return ""
	case before.Status.Artifact == nil || before.Status.Artifact.Digest != s.obj.Status.Artifact.Digest:
		return sourcev1.NewArtifactReason
	case conditions.IsTrue(before, sourcev1.FetchFailedCondition), conditions.IsTrue(before, sourcev1.StorageOperationFailedCondition),
		conditions.IsTrue(before, sourcev1.IncludeUnavailableCondition):
		return meta.SucceededReason
	}
	return ""
}

// storedMessage names the commit by its subject, or by the revision where the commit was not looked at.
func storedMessage(s *scope) string {
	subject := s.obj.Status.Artifact.Revision
	if s.commit != nil {
		subject = shorten(s.commit.Subject)
	}
	return fmt.Sprintf("stored artifact for commit '%s'", subject)
}

// shorten cuts a subject line.
func shorten(subject string) string {
	if runes := []rune(subject); len(runes) > maxSubjectRunes {
		return string(runes[:maxSubjectRunes]) + "..."
	}
	return subject
}

// metadata are the facts that go with an event about an artifact.
func metadata(a *meta.Artifact) map[string]string {
	return map[string]string{sourcev1.RevisionMetadataKey: a.Revision, sourcev1.DigestMetadataKey: a.Digest}
}
