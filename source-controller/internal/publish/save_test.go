// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

func TestSave(t *testing.T) {
	now := time.Now()
	s, err := store.Open(store.Options{Path: t.TempDir(), Host: "host", Records: 2, TTL: time.Minute, Algorithm: artifact.SHA256, Now: func() time.Time { return now }})
	must(t, err)
	defer s.Close()
	save := func(replaced *meta.Artifact, file, content string) *meta.Artifact {
		t.Helper()
		a, err := publish.Save(t.Context(), s, replaced, publish.Content{
			Object: object(), File: file, Revision: "r-" + file, Metadata: map[string]string{"a": "b"},
			Produce: func(w io.Writer) error {
				_, err := io.WriteString(w, content)
				return err
			},
		})
		must(t, err)
		return a
	}
	first := save(nil, "1.tar.gz", "content")
	if diff := cmp.Diff(map[string]string{"a": "b"}, first.Metadata); diff != "" || first.Revision != "r-1.tar.gz" || *first.Size != 7 || s.Verify(first.Path, first.Digest) != nil {
		t.Errorf("artifact %+v\n%s", first, diff)
	}
	// However old it is, the replaced one stays for its time, counted from now.
	now = now.Add(time.Hour)
	second := save(first, "2.tar.gz", "other")
	removed, err := s.Collect(t.Context(), object(), second.Path)
	if err != nil || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := publish.Save(t.Context(), s, nil, publish.Content{Object: object(), File: "../x"}); !errors.Is(err, store.ErrPath) {
		t.Errorf("error %v", err)
	}
	for told, want := range map[string]string{"": "", "http://old/x": "http://host/gitrepository/ns/app/latest"} {
		if got := publish.Relink(s, second, told, "latest"); got != want {
			t.Errorf("link %q, want %q", got, want)
		}
	}
	if got := publish.Relink(s, nil, "http://old/x", "latest"); got != "" {
		t.Errorf("link without artifact: %q", got)
	}
}

func TestSuccessReason(t *testing.T) {
	source := func(digest string, failing bool) *sourcev1.OCIRepository {
		o := &sourcev1.OCIRepository{}
		if digest != "" {
			o.Status.Artifact = &meta.Artifact{Digest: digest}
		}
		if failing {
			conditions.MarkTrue(o, sourcev1.FetchFailedCondition, "X", "x")
		}
		return o
	}
	failure := reconcile.Result{Outcome: outcome.Of(outcome.Fail("X", errors.New("x"))), Phase: "x"}
	cases := map[string]struct {
		reason        string
		before, after *sourcev1.OCIRepository
		result        reconcile.Result
		want          string
	}{
		"First":     {"A first artifact is news.", source("", false), source("a", false), reconcile.Result{}, sourcev1.NewArtifactReason},
		"New":       {"So is another digest.", source("a", true), source("b", false), reconcile.Result{}, sourcev1.NewArtifactReason},
		"Recovered": {"The end of a failure is told.", source("a", true), source("a", false), reconcile.Result{}, meta.SucceededReason},
		"Same":      {"Nothing else is.", source("a", false), source("a", false), reconcile.Result{}, ""},
		"Failed":    {"A failure is no success.", source("a", false), source("b", false), failure, ""},
		"Nothing":   {"Without an artifact there is none.", source("a", true), source("", false), reconcile.Result{}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := publish.SuccessReason(tc.before, tc.after, tc.result, sourcev1.FetchFailedCondition); got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	if all := publish.StorageEvents(publish.Found{}); len(all) > 0 {
		t.Errorf("nothing happened: %v", all)
	}
	all := publish.StorageEvents(publish.Found{Removed: []string{"a", "b"}, Altered: errors.New("x")})
	if len(all) != 2 || all[0].Message != "garbage collected 2 artifacts" || all[1].Reason != sourcev1.ArtifactVerificationFailedReason {
		t.Errorf("events %+v", all)
	}
	unforeseen := publish.FaultEvent(reconcile.Result{Outcome: outcome.Of(errors.New("x"))})
	if unforeseen.Reason != meta.FailedReason || unforeseen.Message != "x" {
		t.Errorf("event %+v", unforeseen)
	}
}
