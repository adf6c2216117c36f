// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/testkit"
)

// entries lists the names in an archive.
func entries(t *testing.T, b []byte) []string {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

func TestPublish(t *testing.T) {
	f := newFixture(t)
	hash := f.commit("a subject that is rather long, longer than fifty runes are\n\nbody", map[string]string{"deploy/app.yaml": "a: 1", "logo.png": "x"})
	f.create()
	repo := f.ready()

	a := repo.Status.Artifact
	path := "gitrepository/" + f.namespace + "/fleet/" + hash + ".tar.gz"
	if a == nil || a.Path != path || a.URL != "http://"+f.addr+"/"+path || a.Revision != "main@sha1:"+hash {
		t.Fatalf("artifact %+v", a)
	}
	b := f.download(a)
	digest, size, err := artifact.Read(artifact.SHA256, bytes.NewReader(b))
	if err != nil || digest.String() != a.Digest || size != *a.Size {
		t.Errorf("downloaded %s, %d bytes; status says %s, %d", digest, size, a.Digest, *a.Size)
	}
	if diff := cmp.Diff([]string{".", "deploy", "deploy/app.yaml"}, entries(t, b)); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	stored := "True Succeeded: stored artifact for revision 'main@sha1:" + hash + "'"
	for _, kind := range []string{meta.ReadyCondition, sourcev1.ArtifactInStorageCondition} {
		if got := testkit.Condition(repo, kind); got != stored {
			t.Errorf("%s: %s, want %s", kind, got, stored)
		}
	}
	if len(repo.Status.Conditions) != 2 || !slices.Contains(repo.Finalizers, sourcev1.Finalizer) {
		t.Errorf("conditions %v, finalizers %v", repo.Status.Conditions, repo.Finalizers)
	}
	e := f.waitEvent(sourcev1.NewArtifactReason)
	if e.Message != "stored artifact for commit 'a subject that is rather long, longer than fifty r...'" || e.Severity != "info" {
		t.Errorf("event %+v", e)
	}
	want := map[string]string{sourcev1.RevisionMetadataKey: a.Revision, sourcev1.DigestMetadataKey: a.Digest}
	for k, v := range want {
		if e.Metadata[k] != v {
			t.Errorf("event metadata %v, want %v", e.Metadata, want)
		}
	}
}

// exists reports whether the object is still there.
func (f *fixture) exists() bool {
	f.t.Helper()
	var list sourcev1.GitRepositoryList
	if err := f.cluster.Client.List(f.t.Context(), &list); err != nil {
		f.t.Fatal(err)
	}
	return slices.ContainsFunc(list.Items, func(o sourcev1.GitRepository) bool { return o.Namespace == f.namespace })
}

func TestIgnoreChange(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a.yaml": "1", "b.txt": "2", "logo.png": "3", "sub/.sourceignore": "c.yaml\n", "sub/c.yaml": "4", "sub/d.yaml": "5"})
	f.create()
	before := f.ready().Status.Artifact
	f.change(func(o *sourcev1.GitRepository) { o.Spec.Ignore = new("*.txt") })
	repo := f.ready()
	after := repo.Status.Artifact
	if after.Revision != before.Revision || after.Digest == before.Digest || after.Path != before.Path {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if diff := cmp.Diff([]string{".", "a.yaml", "logo.png", "sub", "sub/.sourceignore", "sub/d.yaml"}, entries(t, f.download(after))); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	if repo.Status.ObservedIgnore == nil || *repo.Status.ObservedIgnore != "*.txt" {
		t.Errorf("observedIgnore: %v", repo.Status.ObservedIgnore)
	}
	f.events.Wait(t, eventWith(after.Digest))

	f.change(func(o *sourcev1.GitRepository) { o.Spec.Ignore, o.Spec.SparseCheckout = nil, []string{"./sub"} })
	repo = f.ready()
	if diff := cmp.Diff([]string{".", "sub", "sub/.sourceignore", "sub/d.yaml"}, entries(t, f.download(repo.Status.Artifact))); diff != "" {
		t.Errorf("sparse archive (-want +got):\n%s", diff)
	}
	if repo.Status.ObservedIgnore != nil || len(repo.Status.ObservedSparseCheckout) != 1 {
		t.Errorf("observed: %+v", repo.Status)
	}
}

// The mirror is a cache: damage to it costs a clone, in the same run.
func TestMirrorDamaged(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": strings.Repeat("1\n", 1000), "b": "2"})
	f.create()
	f.ready()
	packs, err := filepath.Glob(filepath.Join(f.storage, ".state/mirror/gitrepository", f.namespace, "fleet/repo.git/objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("%v, %v", packs, err)
	}
	if err := errors.Join(os.Chmod(packs[0], 0o600), os.Truncate(packs[0], 40)); err != nil {
		t.Fatal(err)
	}
	f.change(func(o *sourcev1.GitRepository) { o.Spec.Ignore = new("b") })
	if diff := cmp.Diff([]string{".", "a"}, entries(t, f.download(f.ready().Status.Artifact))); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	if slices.ContainsFunc(f.reasons(), func(r string) bool { return strings.HasPrefix(r, "error") }) {
		t.Errorf("events: %v", f.reasons())
	}
}
