// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publishtest

import (
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// looked are the facts of a run that found nothing.
func looked(f *publish.Files) { f.Looked = true }

// published are those of one that found the artifact.
func (k Kind) published(f *publish.Files) { f.Looked, f.Found.Artifact = true, artifact(k.Old) }

// earlier are conditions that an earlier run left.
func earlier(o publish.Source) {
	conditions.MarkTrue(o, sourcev1.FetchFailedCondition, "Old", "old failure")
	conditions.MarkTrue(o, sourcev1.StorageOperationFailedCondition, "Old", "old failure")
	conditions.MarkTrue(o, sourcev1.ArtifactOutdatedCondition, "Old", "old news")
	conditions.MarkStalled(o, "Old", "old failure")
}

// ready makes the object one that is published, for its second generation, and was looked at in its first.
func (k Kind) ready(o publish.Source) {
	o.SetGeneration(1)
	run := k.begin(o, k.published, Reached{Target: k.Old, Unchanged: true})
	run.SetStatus(reconcile.Result{})
	*run.Files.Status.ObservedGeneration = 1
	o.SetGeneration(2)
}

type statusCase struct {
	reason  string
	before  func(publish.Source)
	facts   func(*publish.Files)
	reached Reached
	result  reconcile.Result
	want    map[string]string
}

func testStatus(t *testing.T, k Kind) {
	t.Helper()
	for _, cases := range []map[string]statusCase{k.progressCases(), k.successCases(), k.failureCases()} {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				o := k.New()
				if tc.before != nil {
					tc.before(o)
				}
				k.begin(o, tc.facts, tc.reached).SetStatus(tc.result)
				if diff := cmp.Diff(tc.want, describe(o)); diff != "" {
					t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
				}
			})
		}
	}
}

// progressCases are runs that are under way.
func (k Kind) progressCases() map[string]statusCase {
	running := reconcile.Result{Running: true}
	return map[string]statusCase{
		"Nothing": {
			reason: "An object without an artifact shows that something is being made.", facts: looked, result: running,
			want: map[string]string{"Reconciling": "True Progressing: building artifact", "Ready": "Unknown Progressing: building artifact"},
		},
		"First": {
			reason: "As soon as it is known, it shows what.", facts: looked, reached: Reached{Target: k.Next}, result: running,
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact: " + k.news(), "Ready": "Unknown Progressing: building artifact: " + k.news(),
			},
		},
		"New": {
			reason: "A new revision is announced while the old artifact stays.", facts: k.published, reached: Reached{Target: k.Next}, result: running,
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact: " + k.news(), "Ready": "Unknown Progressing: building artifact: " + k.news(),
				"ArtifactOutdated": "True " + k.Outdated + ": " + k.news(), "ArtifactInStorage": k.stored(k.Old),
			},
		},
		"StorageFails": {
			reason: "Before something is stored nobody knows whether storage can be written to again, so that the time of its failure stays.",
			before: func(o publish.Source) {
				conditions.MarkTrue(o, sourcev1.StorageOperationFailedCondition, "Old", "old failure")
			},
			facts: k.published, reached: Reached{Target: k.Next}, result: running,
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact: " + k.news(), "Ready": "Unknown Progressing: building artifact: " + k.news(),
				"ArtifactOutdated": "True " + k.Outdated + ": " + k.news(), "ArtifactInStorage": k.stored(k.Old), "StorageOperationFailed": "True Old: old failure",
			},
		},
		"Lost": {
			reason: "An artifact that disappeared is not claimed to be there.",
			before: k.ready, facts: func(f *publish.Files) { f.Looked, f.Found.Lost = true, true }, reached: Reached{Target: k.Old}, result: running,
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact: disappeared from storage",
				"Ready":       "Unknown Progressing: building artifact: disappeared from storage",
			},
		},
		"Generation": {
			reason: "Another spec for the same revision leaves Ready alone: the artifact is good until the next one is made.",
			before: k.ready, facts: k.published, reached: Reached{Target: k.Old}, result: running,
			want: map[string]string{
				"Reconciling": "True Progressing: processing object: new generation 1 -> 2", "Ready": k.stored(k.Old), "ArtifactInStorage": k.stored(k.Old),
			},
		},
		"Adopted": {
			reason: "What was stored and not told is made again, without any news.",
			before: func(o publish.Source) { k.ready(o); o.SetGeneration(1) },
			facts:  func(f *publish.Files) { k.published(f); f.Found.Adopted = true }, reached: Reached{Target: k.Old}, result: running,
			want: map[string]string{
				"Reconciling": "True Progressing: reconciliation in progress", "Ready": k.stored(k.Old), "ArtifactInStorage": k.stored(k.Old),
			},
		},
	}
}

// successCases are runs that need no other.
func (k Kind) successCases() map[string]statusCase {
	return map[string]statusCase{
		"Stored": {
			reason: "A new artifact clears whatever was wrong.", before: earlier,
			facts:   func(f *publish.Files) { k.published(f); f.Stored = artifact(k.Next) },
			reached: Reached{Target: k.Next, Fetched: true},
			want:    map[string]string{"ArtifactInStorage": k.stored(k.Next), "Ready": k.stored(k.Next)},
		},
		"Unchanged": {
			reason: "So does a run that finds nothing to do.", before: earlier, facts: k.published, reached: Reached{Target: k.Old, Unchanged: true},
			want: map[string]string{"ArtifactInStorage": k.stored(k.Old), "Ready": k.stored(k.Old)},
		},
		"Suspended": {
			reason: "A suspended object keeps its conditions, but for Stalled.",
			before: func(o publish.Source) {
				conditions.MarkStalled(o, "X", "old")
				conditions.MarkFalse(o, meta.ReadyCondition, "X", "old")
			},
			result: reconcile.Result{Suspended: true}, want: map[string]string{"Ready": "False X: old"},
		},
		"Foreign": {
			reason: "A condition of somebody else stays and does not count.", before: func(o publish.Source) { conditions.MarkFalse(o, "Theirs", "X", "x") },
			facts: k.published, reached: Reached{Target: k.Old, Unchanged: true},
			want: map[string]string{"ArtifactInStorage": k.stored(k.Old), "Ready": k.stored(k.Old), "Theirs": "False X: x"},
		},
	}
}

// failureCases are runs that end early.
func (k Kind) failureCases() map[string]statusCase {
	fetched := func(f *publish.Files) { k.published(f) }
	return map[string]statusCase{
		"ResolveFailed": {
			reason: "A failure to ask keeps the artifact and says so; nothing is known of being outdated.",
			before: func(o publish.Source) { k.ready(o); o.SetGeneration(1) },
			facts:  k.published, result: failed(sourcev1.FetchFailedCondition, "X"),
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: reconciliation in progress", "FetchFailed": "True X: broken", "Ready": "False X: broken",
				"ArtifactInStorage": k.stored(k.Old),
			},
		},
		"GenerationFailed": {
			reason: "One about another spec says so.", before: k.ready, facts: k.published, result: failed(sourcev1.FetchFailedCondition, "X"),
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: processing object: new generation 1 -> 2", "FetchFailed": "True X: broken", "Ready": "False X: broken",
				"ArtifactInStorage": k.stored(k.Old),
			},
		},
		"FetchFailed": {
			reason: "News that cannot be fetched leave the artifact outdated.", facts: k.published, reached: Reached{Target: k.Next},
			result: failed(sourcev1.FetchFailedCondition, "X"),
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: building artifact: " + k.news(), "FetchFailed": "True X: broken", "Ready": "False X: broken",
				"ArtifactOutdated": "True " + k.Outdated + ": " + k.news(), "ArtifactInStorage": k.stored(k.Old),
			},
		},
		"ArchiveFailed": {
			reason: "A full volume is no fault of the remote: what an earlier run said of that goes.", before: earlier,
			facts: fetched, reached: Reached{Target: k.Next, Fetched: true},
			result: failed(sourcev1.StorageOperationFailedCondition, sourcev1.ArchiveOperationFailedReason),
			want: map[string]string{
				"Reconciling":            "True ProgressingWithRetry: building artifact: " + k.news(),
				"StorageOperationFailed": "True ArchiveOperationFailed: broken", "Ready": "False ArchiveOperationFailed: broken",
				"ArtifactOutdated": "True " + k.Outdated + ": " + k.news(), "ArtifactInStorage": k.stored(k.Old),
			},
		},
		"IgnoreFile": {
			reason: "An unreadable ignore file has no condition of its own; Ready still tells.",
			facts:  fetched, reached: Reached{Target: k.Old, Fetched: true},
			result: failed(sourcev1.StorageOperationFailedCondition, sourcev1.SourceIgnoreErrorReason),
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: reconciliation in progress: broken",
				"Ready":       "False ProgressingWithRetry: reconciliation in progress: broken", "ArtifactInStorage": k.stored(k.Old),
			},
		},
		"Stalled": {
			reason: "What only a person can fix is not retried.", facts: looked, result: stalled("x", sourcev1.FetchFailedCondition, "X"),
			want: map[string]string{"Stalled": "True X: broken", "FetchFailed": "True X: broken", "Ready": "False X: broken"},
		},
		"Refused": {
			reason: "A spec that is refused says nothing of earlier faults.",
			before: func(o publish.Source) { conditions.MarkTrue(o, sourcev1.FetchFailedCondition, "Old", "old") },
			result: stalled(publish.PhaseAccept, "", sourcev1.UnsupportedReason),
			want:   map[string]string{"Stalled": "True Unsupported: broken", "Ready": "False Unsupported: broken"},
		},
		"Unforeseen": {
			reason: "An error nobody translated is reported all the same.", facts: looked,
			result: reconcile.Result{Outcome: outcome.Of(errBroken), Phase: "x", Reports: sourcev1.FetchFailedCondition},
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: building artifact", "FetchFailed": "True Failed: broken", "Ready": "False Failed: broken",
			},
		},
		"Deleting": {reason: "A deletion that fails writes no condition.", result: reconcile.Result{Deleting: true}, want: map[string]string{}},
	}
}

// testRepeated makes sure that a run which ends as the one before leaves the status as it is, also while it is under way: every difference is a
// write, and times would not tell since when something is so.
func testRepeated(t *testing.T, k Kind) {
	t.Helper()
	waiting := reconcile.Result{Outcome: outcome.Of(outcome.Wait(time.Second, "X", "waiting")), Phase: "x", Reports: sourcev1.FetchFailedCondition}
	for name, tc := range map[string]struct {
		// known is what the run publishes on its way, if anything; reached is how far it gets.
		known, reached Reached
		result         reconcile.Result
	}{
		"Unchanged":     {reached: Reached{Target: k.Old, Unchanged: true}},
		"ResolveFailed": {result: failed(sourcev1.FetchFailedCondition, "X")},
		"FetchFailed":   {Reached{Target: k.Next}, Reached{Target: k.Next}, failed(sourcev1.FetchFailedCondition, "X")},
		"ArchiveFailed": {Reached{Target: k.Next}, Reached{Target: k.Next, Fetched: true}, failed(sourcev1.StorageOperationFailedCondition, "X")},
		"IgnoreFile": {
			Reached{Target: k.Next}, Reached{Target: k.Next, Fetched: true}, failed(sourcev1.StorageOperationFailedCondition, sourcev1.SourceIgnoreErrorReason),
		},
		"SettingsFailed": {Reached{Target: k.Old}, Reached{Target: k.Old}, failed(sourcev1.FetchFailedCondition, "X")},
		"Stalled":        {result: stalled("x", sourcev1.FetchFailedCondition, "X")},
		"Refused":        {result: stalled(publish.PhaseAccept, "", "X")},
		"Waiting":        {result: waiting},
	} {
		t.Run(name, func(t *testing.T) {
			o := k.New()
			attempt := func(check func()) {
				run := k.begin(o, k.published, tc.known)
				if tc.known.Target != "" {
					run.SetStatus(reconcile.Result{Running: true})
					check()
				}
				run.Reach(tc.reached)
				run.SetStatus(tc.result)
				check()
			}
			attempt(func() {})
			all := o.GetConditions()
			for i := range all {
				all[i].LastTransitionTime = metav1.NewTime(time.Unix(1, 0))
			}
			before := o.DeepCopyObject()
			attempt(func() {
				if diff := cmp.Diff(before, o.DeepCopyObject()); diff != "" {
					t.Errorf("(-before +after):\n%s", diff)
				}
			})
			if tc.known.Target == "" {
				return
			}
			o.SetGeneration(o.GetGeneration() + 1)
			k.begin(o, k.published, tc.known).SetStatus(reconcile.Result{Running: true})
			if conditions.GetReason(o, meta.ReconcilingCondition) != meta.ProgressingReason {
				t.Errorf("the first attempt for another spec is news: %v", describe(o))
			}
		})
	}
}

// testArtifact makes sure of what a status tells of the artifact and of the link to it.
func testArtifact(t *testing.T, k Kind) {
	t.Helper()
	now := metav1.Now()
	for name, tc := range map[string]struct {
		reason   string
		deleting bool
		facts    func(*publish.Files)
		result   reconcile.Result
		want     *meta.Artifact
		url      string
	}{
		"Found":  {"What was found is told, at its present address.", false, func(f *publish.Files) { k.published(f); f.Link = "http://new" }, reconcile.Result{}, artifact(k.Old), "http://new"},
		"Stored": {"What was stored is told.", false, func(f *publish.Files) { k.published(f); f.Stored, f.Link = artifact(k.Next), "http://new" }, reconcile.Result{}, artifact(k.Next), "http://new"},
		"Lost":   {"What was lost is not.", false, looked, reconcile.Result{Running: true}, nil, ""},
		"Adopted": {"Nor is what was made for unknown settings.", false, func(f *publish.Files) {
			f.Looked, f.Found.Adopted, f.Found.Artifact, f.Link = true, true, artifact(k.Next), "http://old"
		}, reconcile.Result{Running: true}, artifact(k.Old), "http://old"},
		"Unknown": {"A run that did not look leaves everything.", false, nil, failed("", "X"), artifact(k.Old), "http://old"},
		"Gone":    {"What was removed is not told where somebody holds the object.", true, func(f *publish.Files) { f.Gone = true }, reconcile.Result{Running: true}, nil, ""},
		"Stays":   {"What could not be removed is.", true, nil, reconcile.Result{Deleting: true}, artifact(k.Old), "http://old"},
	} {
		t.Run(name, func(t *testing.T) {
			o := k.New()
			run := k.begin(o, nil, Reached{})
			status := run.Files.Status
			*status.Artifact = artifact(k.Old)
			conditions.MarkTrue(o, sourcev1.ArtifactInStorageCondition, k.InStorage, "x")
			if status.URL != nil {
				*status.URL = "http://old"
			}
			if tc.deleting {
				o.SetDeletionTimestamp(&now)
			}
			if tc.facts != nil {
				tc.facts(run.Files)
			}
			run.SetStatus(tc.result)
			if diff := cmp.Diff(tc.want, *status.Artifact); diff != "" || status.URL != nil && *status.URL != tc.url {
				t.Errorf("%s\nlink %v (-want +got):\n%s", tc.reason, status.URL, diff)
			}
			if has := conditions.Has(o, sourcev1.ArtifactInStorageCondition); has != (tc.want != nil) {
				t.Errorf("%s\nArtifactInStorage is there: %t", tc.reason, has)
			}
		})
	}
}
