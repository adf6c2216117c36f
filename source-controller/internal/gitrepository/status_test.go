// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

const (
	oldRevision = "main@sha1:0000000000000000000000000000000000000001"
	newRevision = "main@sha1:0000000000000000000000000000000000000002"
)

func oldArtifact() *meta.Artifact {
	return &meta.Artifact{Revision: oldRevision, Digest: "sha256:" + oldRevision, Path: "p", URL: "http://host/p"}
}

func failed(phase, reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Fail(reason, errors.New("broken"))), Phase: phase, Reports: reports}
}

func stalled(phase, reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Stall(reason, errors.New("broken"))), Phase: phase, Reports: reports}
}

// earlier are conditions an earlier run left.
func earlier(o *sourcev1.GitRepository) {
	conditions.MarkTrue(o, sourcev1.FetchFailedCondition, sourcev1.GitOperationFailedReason, "old failure")
	conditions.MarkTrue(o, sourcev1.StorageOperationFailedCondition, sourcev1.ArchiveOperationFailedReason, "old failure")
	conditions.MarkTrue(o, sourcev1.ArtifactOutdatedCondition, sourcev1.NewRevisionReason, "old news")
	conditions.MarkStalled(o, sourcev1.URLInvalidReason, "old failure")
	conditions.MarkFalse(o, sourcev1.SourceVerifiedCondition, sourcev1.VerificationErrorReason, "another version")
}

func TestSetStatus(t *testing.T) {
	stored := "True Succeeded: stored artifact for revision '" + oldRevision + "'"
	cases := map[string]struct {
		reason string
		before func(*sourcev1.GitRepository)
		facts  func(*scope)
		result reconcile.Result
		want   map[string]string
	}{
		"FirstProgress": {
			reason: "The first run shows that something is being made.",
			facts:  func(s *scope) { s.looked = true; s.target.Revision = newRevision },
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact",
				"Ready":       "Unknown Progressing: building artifact",
			},
		},
		"Success": {
			reason: "A new artifact clears whatever was wrong.",
			before: earlier,
			facts: func(s *scope) {
				s.looked, s.fetched, s.target.Revision, s.stored = true, true, oldRevision, oldArtifact()
			},
			want: map[string]string{"ArtifactInStorage": stored, "Ready": stored},
		},
		"Unchanged": {
			reason: "So does a run that finds nothing to do.",
			before: earlier,
			facts: func(s *scope) {
				s.looked, s.unchanged, s.found.Artifact, s.target.Revision = true, true, oldArtifact(), oldRevision
			},
			want: map[string]string{"ArtifactInStorage": stored, "Ready": stored},
		},
		"Progress": {
			reason: "A new revision is announced while the old artifact stays.",
			facts: func(s *scope) {
				s.looked, s.found.Artifact, s.target.Revision = true, oldArtifact(), newRevision
			},
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Reconciling":       "True Progressing: building artifact: new upstream revision '" + newRevision + "'",
				"Ready":             "Unknown Progressing: building artifact: new upstream revision '" + newRevision + "'",
				"ArtifactOutdated":  "True NewRevision: new upstream revision '" + newRevision + "'",
				"ArtifactInStorage": stored,
			},
		},
		"Lost": {
			reason: "An artifact that disappeared is not claimed to be there.",
			before: func(o *sourcev1.GitRepository) {
				o.Status.Artifact = oldArtifact()
				conditions.MarkTrue(o, sourcev1.ArtifactInStorageCondition, meta.SucceededReason, "x")
			},
			facts:  func(s *scope) { s.looked, s.found.Lost, s.target.Revision = true, true, oldRevision },
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact: disappeared from storage",
				"Ready":       "Unknown Progressing: building artifact: disappeared from storage",
			},
		},
		"ResolveFailed": {
			reason: "A failure to ask keeps the artifact and says so; nothing is known of being outdated.",
			facts:  func(s *scope) { s.looked, s.found.Artifact = true, oldArtifact() },
			result: failed("resolve", sourcev1.FetchFailedCondition, sourcev1.GitOperationFailedReason),
			want: map[string]string{
				"Reconciling":       "True ProgressingWithRetry: reconciliation in progress",
				"FetchFailed":       "True GitOperationFailed: broken",
				"Ready":             "False GitOperationFailed: broken",
				"ArtifactInStorage": stored,
			},
		},
		"ArchiveFailed": {
			reason: "A full volume is no fault of the remote: what an earlier run said of that goes.",
			before: earlier,
			facts: func(s *scope) {
				s.looked, s.fetched, s.found.Artifact, s.target.Revision = true, true, oldArtifact(), newRevision
			},
			result: failed("archive", sourcev1.StorageOperationFailedCondition, sourcev1.ArchiveOperationFailedReason),
			want: map[string]string{
				"Reconciling":            "True ProgressingWithRetry: building artifact: new upstream revision '" + newRevision + "'",
				"StorageOperationFailed": "True ArchiveOperationFailed: broken",
				"Ready":                  "False ArchiveOperationFailed: broken",
				"ArtifactOutdated":       "True NewRevision: new upstream revision '" + newRevision + "'",
				"ArtifactInStorage":      stored,
			},
		},
		"IgnoreFile": {
			reason: "An unreadable ignore file has no condition of its own; Ready still tells.",
			facts: func(s *scope) {
				s.looked, s.fetched, s.found.Artifact, s.target.Revision = true, true, oldArtifact(), oldRevision
			},
			result: failed("archive", sourcev1.StorageOperationFailedCondition, sourcev1.SourceIgnoreErrorReason),
			want: map[string]string{
				"Reconciling":       "True ProgressingWithRetry: broken",
				"Ready":             "False ProgressingWithRetry: broken",
				"ArtifactInStorage": stored,
			},
		},
		"Stalled": {
			reason: "What only a person can fix is not retried.",
			facts:  func(s *scope) { s.looked = true },
			result: stalled("resolve", sourcev1.FetchFailedCondition, sourcev1.URLInvalidReason),
			want: map[string]string{
				"Stalled":     "True URLInvalid: broken",
				"FetchFailed": "True URLInvalid: broken",
				"Ready":       "False URLInvalid: broken",
			},
		},
		"Unsupported": {
			reason: "A spec that is refused says nothing of earlier faults.",
			before: func(o *sourcev1.GitRepository) {
				conditions.MarkTrue(o, sourcev1.FetchFailedCondition, sourcev1.GitOperationFailedReason, "old failure")
			},
			result: stalled(phaseAccept, "", sourcev1.UnsupportedReason),
			want: map[string]string{
				"Stalled": "True Unsupported: broken",
				"Ready":   "False Unsupported: broken",
			},
		},
		"Unforeseen": {
			reason: "An error nobody translated is reported all the same.",
			facts:  func(s *scope) { s.looked = true },
			result: reconcile.Result{Outcome: outcome.Of(errors.New("panic")), Phase: "fetch", Reports: sourcev1.FetchFailedCondition},
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: building artifact",
				"FetchFailed": "True Failed: panic",
				"Ready":       "False Failed: panic",
			},
		},
		"Suspended": {
			reason: "A suspended object keeps its conditions, but for Stalled.",
			before: func(o *sourcev1.GitRepository) {
				conditions.MarkStalled(o, sourcev1.URLInvalidReason, "x")
				conditions.MarkFalse(o, meta.ReadyCondition, sourcev1.URLInvalidReason, "x")
			},
			result: reconcile.Result{Suspended: true},
			want:   map[string]string{"Ready": "False URLInvalid: x"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &sourcev1.GitRepository{}
			o.Generation = 3
			if tc.before != nil {
				tc.before(o)
			}
			s := &scope{obj: o}
			if tc.facts != nil {
				tc.facts(s)
			}
			setStatus(s, tc.result)
			got := map[string]string{}
			for _, c := range o.Status.Conditions {
				got[c.Type] = string(c.Status) + " " + c.Reason + ": " + c.Message
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestObserved(t *testing.T) {
	with := &sourcev1.GitRepository{}
	conditions.MarkTrue(with, meta.ReadyCondition, "x", "x")
	cases := map[string]struct {
		reason string
		obj    *sourcev1.GitRepository
		result reconcile.Result
		want   bool
	}{
		"Success":       {"A good run observed the generation.", with, reconcile.Result{}, true},
		"Stalled":       {"So did one that needs a person.", with, stalled("resolve", "", "x"), true},
		"Failed":        {"One that is retried did not.", with, failed("resolve", "", "x"), false},
		"Suspended":     {"A suspended one did if there is anything to say.", with, reconcile.Result{Suspended: true}, true},
		"SuspendedBare": {"Not without conditions.", &sourcev1.GitRepository{}, reconcile.Result{Suspended: true}, false},
		"Deleting":      {"A deleted object does not care.", with, reconcile.Result{Deleting: true}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := publish.Observed(tc.obj, tc.result); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	published := func(o *sourcev1.GitRepository) { o.Status.Artifact = oldArtifact() }
	facts := map[string]string{sourcev1.RevisionMetadataKey: oldRevision, sourcev1.DigestMetadataKey: "sha256:" + oldRevision}
	cases := map[string]struct {
		reason string
		before func(*sourcev1.GitRepository)
		facts  func(*scope)
		result reconcile.Result
		want   []kitevents.Event
	}{
		"New": {
			reason: "A new digest is told with the subject of the commit, cut.",
			facts: func(s *scope) {
				published(s.obj)
				s.commit = &git.Commit{Subject: "0123456789012345678901234567890123456789012345678ÄÖ"}
			},
			want: []kitevents.Event{{Reason: "NewArtifact", Message: "stored artifact for commit '0123456789012345678901234567890123456789012345678Ä...'", Metadata: facts}},
		},
		"Unchanged": {reason: "Nothing new is nothing to tell.", before: published, facts: func(s *scope) { published(s.obj) }},
		"Recovered": {
			reason: "The end of a failure is told, by revision if the commit was not read.",
			before: func(o *sourcev1.GitRepository) {
				published(o)
				conditions.MarkTrue(o, sourcev1.FetchFailedCondition, "x", "x")
			},
			facts: func(s *scope) { published(s.obj) },
			want:  []kitevents.Event{{Reason: "Succeeded", Message: "stored artifact for commit '" + oldRevision + "'", Metadata: facts}},
		},
		"Failed": {
			reason: "A failure is told with its reason.",
			result: failed("resolve", sourcev1.FetchFailedCondition, sourcev1.GitOperationFailedReason),
			want:   []kitevents.Event{{Severity: kitevents.Error, Reason: "GitOperationFailed", Message: "broken"}},
		},
		"AlteredAndCollected": {
			reason: "What storage found is told too; removed files to the cluster only.",
			before: published,
			facts: func(s *scope) {
				published(s.obj)
				s.found = publish.Found{Removed: []string{"a", "b"}, Altered: errors.New("digest mismatch")}
			},
			want: []kitevents.Event{
				{Reason: "GarbageCollectionSucceeded", Message: "garbage collected 2 artifacts", To: kitevents.Cluster},
				{Severity: kitevents.Error, Reason: "ArtifactVerificationFailed", Message: "stored artifact was altered and is made again: digest mismatch"},
			},
		},
		"Suspended": {reason: "A suspended object has nothing to tell.", before: published, facts: func(s *scope) { published(s.obj) }, result: reconcile.Result{Suspended: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before, s := &sourcev1.GitRepository{}, &scope{obj: &sourcev1.GitRepository{}}
			if tc.before != nil {
				tc.before(before)
			}
			if tc.facts != nil {
				tc.facts(s)
			}
			if diff := cmp.Diff(tc.want, events(before, s, tc.result)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestIsConfigured(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*sourcev1.GitRepository)
		want   bool
	}{
		"Same":        {"Nothing set, nothing observed.", func(*sourcev1.GitRepository) {}, true},
		"IgnoreEmpty": {"An empty rule set differs from none.", func(o *sourcev1.GitRepository) { o.Spec.Ignore = new("") }, false},
		"IgnoreSame": {"The same rules are the same.", func(o *sourcev1.GitRepository) {
			o.Spec.Ignore, o.Status.ObservedIgnore = new("a"), new("a")
		}, true},
		"IgnoreGone": {"Rules that went away change the content.", func(o *sourcev1.GitRepository) { o.Status.ObservedIgnore = new("a") }, false},
		"Sparse":     {"So do directories.", func(o *sourcev1.GitRepository) { o.Spec.SparseCheckout = []string{"a"} }, false},
		"Include":    {"An include that another version put in has to go.", func(o *sourcev1.GitRepository) { o.Status.IncludedArtifacts = []*meta.Artifact{{}} }, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
			tc.edit(o)
			if got := isConfigured(o); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}

func TestSetArtifactAdopted(t *testing.T) {
	later := oldArtifact()
	later.Digest = "sha256:later"
	s := &scope{obj: &sourcev1.GitRepository{}, looked: true}
	s.obj.Status.Artifact = oldArtifact()
	s.found.Artifact, s.found.Adopted = later, true
	setArtifact(s)
	if diff := cmp.Diff(oldArtifact(), s.obj.Status.Artifact); diff != "" {
		t.Errorf("made for unknown settings, it is not told (-want +got):\n%s", diff)
	}
	s.stored = later
	setArtifact(s)
	if diff := cmp.Diff(later, s.obj.Status.Artifact); diff != "" {
		t.Errorf("made again, it is (-want +got):\n%s", diff)
	}
}

func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scope{obj: &sourcev1.GitRepository{}}
		s.obj.Spec.Timeout = &metav1.Duration{Duration: time.Second}
		began := time.Now()
		err := bounded(t.Context(), s, func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("archive: %w", ctx.Err())
		})
		if !errors.Is(err, errUnfinished) || time.Since(began) != minWorkTimeout {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		if err := bounded(t.Context(), s, func(context.Context) error { return errTimeout }); !errors.Is(err, errTimeout) {
			t.Errorf("another error stays: %v", err)
		}
	})
}
