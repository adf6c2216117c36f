// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publishtest

import (
	"fmt"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// told is the event about the published revision.
func (k Kind) told(reason, revision string) []kitevents.Event {
	a := artifact(revision)
	e := k.Event(reason, a)
	e.Metadata = map[string]string{sourcev1.RevisionMetadataKey: a.Revision, sourcev1.DigestMetadataKey: a.Digest}
	return []kitevents.Event{e}
}

// eventCase is a run and what it has to tell.
type eventCase struct {
	reason  string
	before  func(publish.Source)
	facts   func(*publish.Files)
	reached Reached
	result  reconcile.Result
	want    []kitevents.Event
}

func (k Kind) eventCases() map[string]eventCase {
	failing := func(o publish.Source) {
		k.ready(o)
		conditions.MarkTrue(o, sourcev1.FetchFailedCondition, "X", "old")
	}
	stored := func(f *publish.Files) { k.published(f); f.Stored = artifact(k.Next) }
	waiting := reconcile.Result{Outcome: outcome.Of(outcome.Wait(0, "X", "waiting")), Phase: "x", Reports: sourcev1.FetchFailedCondition}
	unchanged, fetched := Reached{Target: k.Old, Unchanged: true}, Reached{Target: k.Next, Fetched: true}
	return map[string]eventCase{
		"First":     {reason: "A first artifact is news.", facts: func(f *publish.Files) { f.Looked, f.Stored = true, artifact(k.Next) }, reached: fetched, want: k.told("NewArtifact", k.Next)},
		"New":       {reason: "So is another digest, also after a failure.", before: failing, facts: stored, reached: fetched, want: k.told("NewArtifact", k.Next)},
		"Recovered": {reason: "The end of a failure is told.", before: failing, facts: k.published, reached: unchanged, want: k.told("Succeeded", k.Old)},
		"Unchanged": {reason: "Nothing new is nothing to tell.", before: k.ready, facts: k.published, reached: unchanged},
		"Suspended": {reason: "A suspended object has nothing to tell.", before: failing, result: reconcile.Result{Suspended: true}},
		"Deleted":   {reason: "Nor has one that goes.", before: failing, result: reconcile.Result{Deleting: true}},
		"Failed": {
			reason: "A failure is told with its reason.", before: k.ready, facts: k.published, result: failed(sourcev1.FetchFailedCondition, "X"),
			want: []kitevents.Event{{Severity: kitevents.Error, Reason: "X", Message: "broken"}},
		},
		"Unforeseen": {
			reason: "One that nobody foresaw has a general one.", before: k.ready, facts: k.published, result: reconcile.Result{Outcome: outcome.Of(errBroken)},
			want: []kitevents.Event{{Severity: kitevents.Error, Reason: "Failed", Message: "broken"}},
		},
		"Waiting": {
			reason: "To wait is told to the cluster, once.", facts: looked, result: waiting,
			want: []kitevents.Event{{Reason: "X", Message: "waiting", To: kitevents.Cluster}},
		},
		"StillWaiting": {reason: "And not again.", before: failing, facts: k.published, result: waiting},
		"Storage": {
			reason: "What storage found is told too; removed files and links to the cluster only.", before: k.ready, reached: unchanged,
			facts: func(f *publish.Files) {
				k.published(f)
				f.Found.Removed, f.Found.Altered, f.Unlinked = []string{"a", "b"}, errBroken, errBroken
			},
			want: []kitevents.Event{
				{Reason: "GarbageCollectionSucceeded", Message: "garbage collected 2 artifacts", To: kitevents.Cluster},
				{Severity: kitevents.Error, Reason: "ArtifactVerificationFailed", Message: "stored artifact was altered and is made again: broken"},
				{Reason: "SymlinkUpdateFailed", Message: "link to the latest artifact not set: broken", To: kitevents.Cluster},
			},
		},
		"Requested": {
			reason: "Who asked for a run is told that there was nothing to do, in the cluster.", before: k.ready,
			facts: func(f *publish.Files) { k.published(f); f.Run.Requested = "now" }, reached: unchanged,
			want: []kitevents.Event{{Reason: k.Same, Message: fmt.Sprintf(k.SameText, k.Old), To: kitevents.Cluster}},
		},
		"RequestedAfterFailure": {
			reason: "Unless the end of a failure is told, which says more.", before: failing,
			facts: func(f *publish.Files) { k.published(f); f.Run.Requested = "now" }, reached: unchanged, want: k.told("Succeeded", k.Old),
		},
	}
}

// testEvents makes sure of what a run has to tell.
func testEvents(t *testing.T, k Kind) {
	t.Helper()
	for name, tc := range k.eventCases() {
		t.Run(name, func(t *testing.T) {
			o := k.New()
			if tc.before != nil {
				tc.before(o)
			}
			before, ok := o.DeepCopyObject().(publish.Source)
			if !ok {
				t.Fatal("the copy is of another type")
			}
			run := k.begin(o, tc.facts, tc.reached)
			run.SetStatus(tc.result)
			if diff := cmp.Diff(tc.want, run.Events(before, tc.result)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
