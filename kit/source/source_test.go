// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"sigs.k8s.io/controller-runtime/pkg/event"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/source"
)

func TestArtifactChanged(t *testing.T) {
	with := func(revision, digest string) *sourcev1.GitRepository {
		obj := &sourcev1.GitRepository{}
		if revision != "" {
			obj.Status.Artifact = &meta.Artifact{Revision: revision, Digest: digest}
		}
		return obj
	}
	cases := map[string]struct {
		reason        string
		before, after *sourcev1.GitRepository
		want          bool
	}{
		"Appears":   {"The first artifact is news.", with("", ""), with("main@sha1:a", "sha256:1"), true},
		"Revision":  {"A new revision is news.", with("main@sha1:a", "sha256:1"), with("main@sha1:b", "sha256:1"), true},
		"Digest":    {"The same revision with other content is news: the ignore rules changed.", with("main@sha1:a", "sha256:1"), with("main@sha1:a", "sha256:2"), true},
		"Same":      {"A status change without another artifact is none.", with("main@sha1:a", "sha256:1"), with("main@sha1:a", "sha256:1"), false},
		"Vanishes":  {"A lost artifact gives nothing to do.", with("main@sha1:a", "sha256:1"), with("", ""), false},
		"StillNone": {"No artifact before and after is none.", with("", ""), with("", ""), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := source.ArtifactChanged().Update(event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}); got != tc.want {
				t.Errorf("%s\nUpdate() = %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNew(t *testing.T) {
	for _, kind := range []string{"GitRepository", "OCIRepository", "Bucket", "HelmChart", "ExternalArtifact"} {
		if _, err := source.New(kind); err != nil {
			t.Errorf("New(%q): %v", kind, err)
		}
	}
	if _, err := source.New("HelmRepository"); err == nil {
		t.Error("New accepted a kind that has no artifact")
	}
}
