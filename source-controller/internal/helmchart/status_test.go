// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"bytes"
	"errors"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

var errBad = errors.New("bad")

func TestSetStatus(t *testing.T) {
	found := publish.Found{Artifact: &meta.Artifact{Revision: "1.0.0"}}
	built := bytes.NewReader(nil)
	const pulled = "True ChartPullSucceeded pulled 'app' chart with version '1.0.0'"
	const outdated = "True NewChart new 'app' chart with version '1.1.0'"
	cases := map[string]struct {
		reason   string
		before   []string // types that are True before
		spec     sourcev1.HelmChartSpec
		scope    scope
		result   reconcile.Result
		want     map[string]string
		observed string
		files    []string
	}{
		"Pulled": {
			reason: "A chart as it came.",
			before: []string{sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition, sourcev1.SourceVerifiedCondition},
			scope: scope{
				looked: true, read: true, revision: "rev", chart: located{"app", "1.1.0"}, version: "1.1.0", pulled: true, content: built, stored: &meta.Artifact{Revision: "1.1.0"},
			},
			want: map[string]string{
				"Ready":             "True ChartPullSucceeded pulled 'app' chart with version '1.1.0'",
				"ArtifactInStorage": "True ChartPullSucceeded pulled 'app' chart with version '1.1.0'",
			},
			observed: "rev",
		},
		"Packaged": {
			reason: "A chart with other values.",
			spec:   sourcev1.HelmChartSpec{IgnoreMissingValuesFiles: true},
			scope: scope{
				looked: true, chart: located{"app", "1.1.0"}, version: "1.1.0+2", pulled: true, content: built, stored: &meta.Artifact{Revision: "1.1.0+2"},
				built: note{Packaged: true, ValuesFiles: []string{"a", "b"}},
			},
			want: map[string]string{
				"Ready":             "True ChartPackageSucceeded packaged 'app' chart with version '1.1.0+2' and merged values files [a b]",
				"ArtifactInStorage": "True ChartPackageSucceeded packaged 'app' chart with version '1.1.0+2' and merged values files [a b]",
			},
			files: []string{"a", "b"},
		},
		"Unchanged": {
			reason: "Without news all failures go.",
			before: []string{sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition, meta.StalledCondition},
			scope:  scope{looked: true, found: found, chart: located{"app", "1.0.0"}, version: "1.0.0", unchanged: true},
			want:   map[string]string{"Ready": pulled, "ArtifactInStorage": pulled},
		},
		"NoSourceArtifact": {
			reason: "A source without artifact is waited for.",
			scope:  scope{looked: true, read: true, found: found},
			result: reconcile.Result{
				Outcome: outcome.Of(outcome.Wait(0, sourcev1.NoSourceArtifactReason, textNoArtifact, "GitRepository", "fleet")), Phase: "source",
				Reports: sourcev1.FetchFailedCondition,
			},
			want: map[string]string{
				"Ready":       "False NoSourceArtifact no artifact available for GitRepository source 'fleet'",
				"FetchFailed": "True NoSourceArtifact no artifact available for GitRepository source 'fleet'", "ArtifactInStorage": pulled,
				"Reconciling": "True ProgressingWithRetry reconciliation in progress",
			},
		},
		"PullFailed": {
			reason: "A failed download keeps the artifact.",
			scope:  scope{looked: true, found: found, chart: located{"app", "1.1.0"}, version: "1.1.0"},
			result: reconcile.Result{
				Outcome: outcome.Of(outcome.Fail(sourcev1.ChartPullErrorReason, errBad)), Phase: "pull", Reports: sourcev1.FetchFailedCondition,
			},
			want: map[string]string{
				"Ready": "False ChartPullError bad", "FetchFailed": "True ChartPullError bad", "ArtifactInStorage": pulled, "ArtifactOutdated": outdated,
				"Reconciling": "True ProgressingWithRetry building artifact: new 'app' chart with version '1.1.0'",
			},
		},
		"BuildStalled": {
			reason: "A failed build replaces an older failure to fetch.",
			before: []string{sourcev1.FetchFailedCondition},
			scope:  scope{looked: true, found: found, chart: located{"app", "1.1.0"}, version: "1.1.0", pulled: true},
			result: reconcile.Result{
				Outcome: outcome.Of(outcome.Stall(sourcev1.ValuesFilesErrorReason, errBad)), Phase: "build", Reports: sourcev1.BuildFailedCondition,
			},
			want: map[string]string{
				"Ready": "False ValuesFilesError bad", "BuildFailed": "True ValuesFilesError bad", "ArtifactInStorage": pulled, "ArtifactOutdated": outdated,
				"Stalled": "True ValuesFilesError bad",
			},
		},
		"Unsupported": {
			reason: "What is not supported stalls, and keeps what an earlier run stored.",
			before: []string{sourcev1.ArtifactInStorageCondition, sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition},
			result: reconcile.Result{Outcome: outcome.Of(outcome.Stall(sourcev1.UnsupportedReason, errBad)), Phase: phaseAccept},
			want: map[string]string{
				"Ready": "False Unsupported bad", "Stalled": "True Unsupported bad", "ArtifactInStorage": "True Before before",
			},
		},
		"Building": {
			reason: "A first build is in progress.",
			scope:  scope{looked: true, chart: located{"app", "1.1.0"}, version: "1.1.0"},
			result: reconcile.Result{Running: true},
			want:   map[string]string{"Ready": "Unknown Progressing building artifact", "Reconciling": "True Progressing building artifact"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := tc.scope
			s.obj = &sourcev1.HelmChart{Spec: tc.spec, Status: sourcev1.HelmChartStatus{ObservedChartName: "app"}}
			for _, kind := range tc.before {
				conditions.MarkTrue(s.obj, kind, "Before", "before")
			}
			setStatus(&s, tc.result)
			got := map[string]string{}
			for _, c := range s.obj.Status.Conditions {
				got[c.Type] = string(c.Status) + " " + c.Reason + " " + c.Message
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.files, s.obj.Status.ObservedValuesFiles); diff != "" || s.obj.Status.ObservedSourceArtifactRevision != tc.observed {
				t.Errorf("%s\nobserved %q (-want +got):\n%s", tc.reason, s.obj.Status.ObservedSourceArtifactRevision, diff)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	const git = "main@sha1:0123456789abcdef0123456789abcdef01234567"
	cases := map[string]struct {
		reason   string
		strategy string
		kind     string
		revision string
		files    []string
		want     string
	}{
		"None":       {"A chart as it is has its own version.", "ChartVersion", sourcev1.GitRepositoryKind, git, nil, ""},
		"Defaults":   {"Its own values are no change.", "ChartVersion", sourcev1.HelmRepositoryKind, "", []string{"values.yaml"}, ""},
		"Values":     {"Others are.", "ChartVersion", sourcev1.HelmRepositoryKind, "", []string{"a.yaml"}, "7"},
		"Revision":   {"So is a commit.", "Revision", sourcev1.GitRepositoryKind, git, nil, "0123456789ab"},
		"Slash":      {"Whatever the branch is called.", "Revision", sourcev1.GitRepositoryKind, "a@b/c@sha1:0123456789abcdef", nil, "0123456789ab"},
		"CommitOnly": {"Or without one.", "Revision", sourcev1.GitRepositoryKind, "sha1:0123456789abcdef", nil, "0123456789ab"},
		"Both":       {"Both are joined.", "Revision", sourcev1.GitRepositoryKind, git, []string{"a.yaml"}, "0123456789ab.7"},
		"Repository": {"A Helm repository has no commits.", "Revision", sourcev1.HelmRepositoryKind, "sha256:abc", nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &scope{obj: &sourcev1.HelmChart{}, revision: tc.revision}
			s.obj.Generation = 7
			s.obj.Spec.ReconcileStrategy, s.obj.Spec.SourceRef.Kind, s.obj.Spec.ValuesFiles = tc.strategy, tc.kind, tc.files
			if got := metadata(s); got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	for address, want := range map[string]string{
		"https://charts.example":         "https://charts.example/",
		"https://Charts.example/a//":     "https://charts.example/a/",
		"https://charts.example/a?b=c":   "https://charts.example/a/?b=c",
		"https://charts.example/a%2Fb/c": "https://charts.example/a%2Fb/c/",
		"oci://registry.example/charts/": "oci://registry.example/charts",
	} {
		if got := normalize(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
