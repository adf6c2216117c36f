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
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
	"github.com/weir-gitops/weir/source-controller/internal/publish/publishtest"
)

// begin starts a run of a chart that is called app, without anything it could work with.
func begin(o *sourcev1.HelmChart) *scope {
	o.Status.ObservedChartName = "app"
	return (&Reconciler{}).start(o, reconcile.Run{})
}

func TestFamily(t *testing.T) {
	publishtest.Test(t, publishtest.Kind{
		New: func() publish.Source { return &sourcev1.HelmChart{} },
		Start: func(o publish.Source) publishtest.Run {
			s := begin(o.(*sourcev1.HelmChart))
			return publishtest.Run{
				Files: s.files,
				Reach: func(r publishtest.Reached) {
					s.chart, s.version, s.unchanged, s.pulled = located{"app", r.Target}, r.Target, r.Unchanged, r.Fetched
					if r.Fetched {
						s.content = bytes.NewReader(nil)
					}
				},
				SetStatus: func(r reconcile.Result) { setStatus(s, r) },
				Events: func(before publish.Source, r reconcile.Result) []kitevents.Event {
					return events(before.(*sourcev1.HelmChart), s, r)
				},
			}
		},
		Old: "1.0.0", Next: "1.1.0",
		InStorage: "ChartPullSucceeded", Stored: "pulled 'app' chart with version '%s'",
		Outdated: "NewChart", News: "new 'app' chart with version '%s'",
		Same: "ArtifactUpToDate", SameText: "artifact up-to-date with remote revision: '%s'",
		Event: func(_ string, a *meta.Artifact) kitevents.Event {
			return kitevents.Event{Reason: "ChartPullSucceeded", Message: "pulled 'app' chart with version '" + a.Revision + "'"}
		},
	})
}

// What is told of a chart that was made here rather than pulled.
func TestPackaged(t *testing.T) {
	o := &sourcev1.HelmChart{}
	o.Spec.IgnoreMissingValuesFiles = true
	s := begin(o)
	s.files.Looked, s.files.Stored, s.pulled, s.content = true, &meta.Artifact{Revision: "1.1.0+2"}, true, bytes.NewReader(nil)
	s.chart, s.version, s.built = located{"other", "1.1.0"}, "1.1.0+2", note{Packaged: true, ValuesFiles: []string{"a", "b"}}
	s.read, s.revision, s.resolved = true, "rev", 2
	setStatus(s, reconcile.Result{})
	const message = "packaged 'other' chart with version '1.1.0+2' and merged values files [a b]"
	if c := conditions.Get(o, meta.ReadyCondition); c == nil || c.Reason != sourcev1.ChartPackageSucceededReason || c.Message != message {
		t.Errorf("Ready %+v", c)
	}
	if diff := cmp.Diff([]string{"a", "b"}, o.Status.ObservedValuesFiles); diff != "" || o.Status.ObservedChartName != "other" || o.Status.ObservedSourceArtifactRevision != "rev" {
		t.Errorf("status %+v", o.Status)
	}
	told := events(&sourcev1.HelmChart{}, s, reconcile.Result{})
	if len(told) != 2 || told[0].Message != "resolved 2 chart dependencies" || told[1].Reason != sourcev1.ChartPackageSucceededReason || told[1].Message != message {
		t.Errorf("events %+v", told)
	}
	// A later run that finds nothing new says the same, and one without the setting drops what was observed for it.
	later := begin(o)
	o.Status.ObservedChartName = "other"
	later.files.Looked, later.files.Found.Artifact, later.unchanged = true, o.Status.Artifact, true
	setStatus(later, reconcile.Result{})
	if got := conditions.GetMessage(o, meta.ReadyCondition); got != message || len(o.Status.ObservedValuesFiles) != 2 {
		t.Errorf("Ready %q, status %+v", got, o.Status)
	}
	o.Spec.IgnoreMissingValuesFiles = false
	setStatus(s, reconcile.Result{})
	if o.Status.ObservedValuesFiles != nil {
		t.Errorf("observed %v", o.Status.ObservedValuesFiles)
	}
}

// What could not be fetched was not built, and what could not be built was fetched: one of the two is told.
func TestFailedOnce(t *testing.T) {
	failed := func(reports string) reconcile.Result {
		return reconcile.Result{Outcome: outcome.Of(outcome.Fail("X", errors.New("bad"))), Phase: "x", Reports: reports}
	}
	for reports, other := range map[string]string{
		sourcev1.FetchFailedCondition: sourcev1.BuildFailedCondition, sourcev1.BuildFailedCondition: sourcev1.FetchFailedCondition,
	} {
		s := begin(&sourcev1.HelmChart{})
		conditions.MarkTrue(s.obj, other, "Old", "old")
		conditions.MarkFalse(s.obj, sourcev1.SourceVerifiedCondition, "Old", "another version")
		s.files.Looked = true
		setStatus(s, failed(reports))
		if !conditions.IsTrue(s.obj, reports) || conditions.Has(s.obj, other) || conditions.Has(s.obj, sourcev1.SourceVerifiedCondition) {
			t.Errorf("%s: %+v", reports, s.obj.Status.Conditions)
		}
	}
}

// A source without an artifact says nothing of a revision, so that the one looked at last stays.
func TestObservedSourceStays(t *testing.T) {
	s := begin(&sourcev1.HelmChart{})
	s.obj.Status.ObservedSourceArtifactRevision = "old"
	s.files.Looked = true
	r := &Reconciler{}
	wait := outcome.Of(r.checkArtifact(s, sourcev1.GitRepositoryKind, "fleet", nil))
	setStatus(s, reconcile.Result{Outcome: wait, Reports: sourcev1.FetchFailedCondition})
	if s.obj.Status.ObservedSourceArtifactRevision != "old" || conditions.GetMessage(s.obj, meta.ReadyCondition) != "no artifact available for GitRepository source 'fleet'" {
		t.Errorf("status %+v", s.obj.Status)
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
		"Legacy":     {"In the form of old controllers, too.", "Revision", sourcev1.GitRepositoryKind, "main/0123456789abcdef0123456789abcdef01234567", nil, "0123456789ab"},
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
