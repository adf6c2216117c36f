// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"errors"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

var errBad = errors.New("bad")

func failed(reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Fail(reason, errBad)), Phase: "x", Reports: reports}
}

func TestSetStatus(t *testing.T) {
	old, next := &meta.Artifact{Revision: "sha256:old"}, &meta.Artifact{Revision: "sha256:new"}
	found := publish.Found{Artifact: old}
	inStorage := func(revision string) string { return "True Succeeded stored artifact: revision '" + revision + "'" }
	cases := map[string]struct {
		reason string
		before []string // types that are True before
		scope  scope
		result reconcile.Result
		want   map[string]string
		url    string
	}{
		"Stored": {
			reason: "A new artifact is published and nothing else is left.",
			before: []string{sourcev1.FetchFailedCondition, sourcev1.ArtifactOutdatedCondition, sourcev1.StorageOperationFailedCondition, meta.ReconcilingCondition},
			scope:  scope{looked: true, found: found, compiled: &helmindex.Compiled{}, stored: next, link: "http://link"},
			want:   map[string]string{"Ready": inStorage("sha256:new"), "ArtifactInStorage": inStorage("sha256:new")},
			url:    "http://link",
		},
		"Unchanged": {
			reason: "Without news the artifact stays, and an old failure goes.",
			before: []string{sourcev1.FetchFailedCondition},
			scope:  scope{looked: true, found: found, unchanged: true},
			want:   map[string]string{"Ready": inStorage("sha256:old"), "ArtifactInStorage": inStorage("sha256:old")},
		},
		"DownloadFailed": {
			reason: "A failed download keeps the artifact.",
			scope:  scope{looked: true, found: found},
			result: failed(sourcev1.FetchFailedCondition, meta.FailedReason),
			want: map[string]string{
				"Ready": "False Failed bad", "FetchFailed": "True Failed bad", "ArtifactInStorage": inStorage("sha256:old"),
				"Reconciling": "True ProgressingWithRetry reconciliation in progress",
			},
		},
		"NotAnIndex": {
			reason: "A new index that is none is told as well.",
			scope:  scope{looked: true, found: found, note: note{revision: "sha256:new"}},
			result: failed(sourcev1.FetchFailedCondition, sourcev1.IndexationFailedReason),
			want: map[string]string{
				"Ready": "False IndexationFailed bad", "FetchFailed": "True IndexationFailed bad", "ArtifactInStorage": inStorage("sha256:old"),
				"ArtifactOutdated": "True NewRevision new index revision 'sha256:new'",
				"Reconciling":      "True ProgressingWithRetry building artifact: new index revision 'sha256:new'",
			},
		},
		"Building": {
			reason: "While a new index is read the object is in progress.",
			scope:  scope{looked: true, found: found, note: note{revision: "sha256:new"}},
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Ready":             "Unknown Progressing building artifact: new index revision 'sha256:new'",
				"ArtifactInStorage": inStorage("sha256:old"), "ArtifactOutdated": "True NewRevision new index revision 'sha256:new'",
				"Reconciling": "True Progressing building artifact: new index revision 'sha256:new'",
			},
		},
		"Lost": {
			reason: "A lost artifact is told.",
			before: []string{sourcev1.ArtifactInStorageCondition},
			scope:  scope{looked: true, found: publish.Found{Lost: true}},
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Ready":       "Unknown Progressing building artifact: disappeared from storage",
				"Reconciling": "True Progressing building artifact: disappeared from storage",
			},
		},
		"Stalled": {
			reason: "What only a person can mend stalls.",
			scope:  scope{looked: true},
			result: reconcile.Result{Outcome: outcome.Of(outcome.Stall(sourcev1.URLInvalidReason, errBad)), Reports: sourcev1.FetchFailedCondition},
			want:   map[string]string{"Ready": "False URLInvalid bad", "FetchFailed": "True URLInvalid bad", "Stalled": "True URLInvalid bad"},
		},
		"NotStored": {
			reason: "A full disk keeps the artifact.",
			before: []string{sourcev1.FetchFailedCondition},
			scope:  scope{looked: true, found: found, compiled: &helmindex.Compiled{}, note: note{revision: "sha256:new"}},
			result: failed(sourcev1.StorageOperationFailedCondition, sourcev1.ArchiveOperationFailedReason),
			want: map[string]string{
				"Ready": "False ArchiveOperationFailed bad", "StorageOperationFailed": "True ArchiveOperationFailed bad", "ArtifactInStorage": inStorage("sha256:old"),
				"ArtifactOutdated": "True NewRevision new index revision 'sha256:new'",
				"Reconciling":      "True ProgressingWithRetry building artifact: new index revision 'sha256:new'",
			},
		},
		"Suspended": {
			reason: "Suspended, only Stalled goes.",
			before: []string{meta.StalledCondition, sourcev1.FetchFailedCondition},
			result: reconcile.Result{Suspended: true},
			want:   map[string]string{"FetchFailed": "True Before before"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := tc.scope
			s.obj = &sourcev1.HelmRepository{}
			for _, kind := range tc.before {
				conditions.MarkTrue(s.obj, kind, "Before", "before")
			}
			setStatus(&s, tc.result)
			got := map[string]string{}
			for _, c := range s.obj.Status.Conditions {
				got[c.Type] = string(c.Status) + " " + c.Reason + " " + c.Message
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || s.obj.Status.URL != tc.url {
				t.Errorf("%s\nurl %q (-want +got):\n%s", tc.reason, s.obj.Status.URL, diff)
			}
		})
	}
}

func TestHumanSize(t *testing.T) {
	for size, want := range map[int64]string{0: "0B", 999: "999B", 30_880: "30.88kB", 52_428_800: "52.43MB"} {
		if got := humanSize(size); got != want {
			t.Errorf("%d: %s, want %s", size, got, want)
		}
	}
}
