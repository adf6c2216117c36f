// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
	"github.com/weir-gitops/weir/source-controller/internal/publish/publishtest"
)

// begin starts a run of an object, without anything it could work with.
func begin(o *sourcev1.GitRepository) *scope { return (&Reconciler{}).start(o, reconcile.Run{}) }

func TestFamily(t *testing.T) {
	publishtest.Test(t, publishtest.Kind{
		New: func() publish.Source { return &sourcev1.GitRepository{} },
		Start: func(o publish.Source) publishtest.Run {
			s := begin(o.(*sourcev1.GitRepository))
			return publishtest.Run{
				Files: s.files,
				Reach: func(r publishtest.Reached) {
					s.target.Revision, s.unchanged, s.fetched = r.Target, r.Unchanged, r.Fetched
				},
				SetStatus: func(r reconcile.Result) { setStatus(s, r) },
				Events: func(before publish.Source, r reconcile.Result) []kitevents.Event {
					return events(before.(*sourcev1.GitRepository), s, r)
				},
			}
		},
		Old: "main@sha1:0000000000000000000000000000000000000001", Next: "main@sha1:0000000000000000000000000000000000000002",
		InStorage: "Succeeded", Stored: "stored artifact for revision '%s'",
		Outdated: "NewRevision", News: "new upstream revision '%s'",
		Same: "GitOperationSucceeded", SameText: "no changes since last reconciliation: observed revision '%s'",
		Event: func(reason string, a *meta.Artifact) kitevents.Event {
			return kitevents.Event{Reason: reason, Message: "stored artifact for commit '" + a.Revision + "'"}
		},
	})
}

// What was made of which settings is written with the artifact, and only then.
func TestObservedSettings(t *testing.T) {
	o := &sourcev1.GitRepository{}
	o.Spec.Ignore, o.Spec.SparseCheckout = new("x"), []string{"a"}
	o.Status.IncludedArtifacts, o.Status.ObservedInclude = []*meta.Artifact{{}}, []sourcev1.GitRepositoryInclude{{}}
	before := o.Status.DeepCopy()
	s := begin(o)
	s.files.Looked, s.fetched = true, true
	setStatus(s, reconcile.Result{Running: true})
	if o.Status.ObservedIgnore != nil || len(o.Status.IncludedArtifacts) != 1 {
		t.Errorf("before anything is stored: %+v, was %+v", o.Status, before)
	}
	s.files.Stored = &meta.Artifact{Revision: "r"}
	setStatus(s, reconcile.Result{})
	o.Spec.SparseCheckout[0] = "changed"
	if o.Status.ObservedIgnore == nil || *o.Status.ObservedIgnore != "x" || cmp.Diff([]string{"a"}, o.Status.ObservedSparseCheckout) != "" ||
		o.Status.IncludedArtifacts != nil || o.Status.ObservedInclude != nil {
		t.Errorf("with the artifact: %+v", o.Status)
	}
}

// Nothing is said of what this version does not look at: another version, which did, has to do it again.
func TestNotLookedAt(t *testing.T) {
	o := &sourcev1.GitRepository{}
	o.Status.SourceVerificationMode = new(sourcev1.ModeGitHEAD)
	conditions.MarkFalse(o, sourcev1.SourceVerifiedCondition, "X", "x")
	conditions.MarkTrue(o, sourcev1.IncludeUnavailableCondition, "X", "x")
	s := begin(o)
	s.files.Looked, s.unchanged, s.files.Found.Artifact = true, true, &meta.Artifact{Revision: "r"}
	setStatus(s, reconcile.Result{})
	if o.Status.SourceVerificationMode != nil || len(o.Status.Conditions) != 2 || !conditions.IsReady(o) {
		t.Errorf("status %+v", o.Status)
	}
}

// A commit is told by its subject, cut.
func TestStoredMessage(t *testing.T) {
	s := begin(&sourcev1.GitRepository{})
	s.obj.Status.Artifact = &meta.Artifact{Revision: "r"}
	s.commit = &git.Commit{Subject: "0123456789012345678901234567890123456789012345678ÄÖ"}
	if got, want := storedMessage(s), "stored artifact for commit '0123456789012345678901234567890123456789012345678Ä...'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What the contract finds unchanged before anything is fetched is told in other words than what it fetches to see.
func TestUnchangedMessage(t *testing.T) {
	upToDate := "ArtifactUpToDate artifact up-to-date with remote revision: 'r'"
	noChanges := "GitOperationSucceeded no changes since last reconciliation: observed revision 'r'"
	for want, refs := range map[string][]sourcev1.GitRepositoryRef{
		upToDate:  {{SemVer: "1.x"}, {SemVer: "1.x", Branch: "main"}, {Commit: "c", Tag: "v1"}},
		noChanges: {{}, {Branch: "main"}, {Tag: "v1", SemVer: "1.x"}, {Name: "refs/heads/main", SemVer: "1.x"}},
	} {
		for _, ref := range refs {
			o := &sourcev1.GitRepository{}
			o.Spec.Reference = &ref
			if e := unchanged(o, &meta.Artifact{Revision: "r"}); e.Reason+" "+e.Message != want {
				t.Errorf("%+v: got %s %s, want %s", ref, e.Reason, e.Message, want)
			}
		}
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
