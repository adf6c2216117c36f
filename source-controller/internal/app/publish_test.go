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
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
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

func TestPush(t *testing.T) {
	f := newFixture(t)
	first := f.commit("first", map[string]string{"a": "1"})
	f.create()
	old := f.ready().Status.Artifact
	second := f.commit("second", map[string]string{"a": "2"})
	repo := f.request()
	if repo.Status.Artifact.Revision != "main@sha1:"+second || repo.Status.Artifact.Digest == old.Digest {
		t.Errorf("artifact %+v", repo.Status.Artifact)
	}
	want := []string{first + ".tar.gz", second + ".tar.gz"}
	slices.Sort(want)
	if diff := cmp.Diff(want, f.files()); diff != "" {
		t.Errorf("the old file stays for those who download it (-want +got):\n%s", diff)
	}
	f.download(old)
	f.commit("third", map[string]string{"a": "3"})
	f.request()
	f.commit("fourth", map[string]string{"a": "4"})
	f.request()
	if n := len(f.files()); n > 3 {
		t.Errorf("%d files stay, more than records plus the new one", n)
	}
}

// A run in which nothing moved sends one request to the remote, one status write if it was asked for, none if not, and tells nobody.
func TestUnchanged(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": "1"})
	f.create()
	before := f.ready()
	f.waitEvent(sourcev1.NewArtifactReason)
	f.gitRequests()
	f.requests.Settle(t)
	after := f.request()
	if diff := cmp.Diff([]string{"GET"}, f.gitRequests()); diff != "" {
		t.Errorf("requests to the remote (-want +got):\n%s", diff)
	}
	counts := f.requests.Take()
	if testkit.Total(counts) != 1 || writes(counts) != 1 {
		testkit.Log(t, counts)
		t.Error("a forced run without news costs one status write")
	}
	if diff := cmp.Diff(before.Status.Artifact, after.Status.Artifact); diff != "" {
		t.Errorf("the artifact changed:\n%s", diff)
	}

	f.change(func(o *sourcev1.GitRepository) { o.Spec.Interval.Duration = 100 * time.Millisecond })
	f.wait("the new interval", func(o *sourcev1.GitRepository) bool { return o.Status.ObservedGeneration == o.Generation })
	f.gitRequests()
	f.requests.Settle(t)
	runs := 0
	testkit.Eventually(t, "some runs by interval", func() bool { runs += len(f.gitRequests()); return runs >= 5 })
	if counts := f.requests.Take(); testkit.Total(counts) != 0 {
		testkit.Log(t, counts)
		t.Errorf("%d runs by interval without news send no request to the API server", runs)
	}
	if diff := cmp.Diff([]string{"info NewArtifact"}, f.reasons()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// What works writes twice at most: progress and result.
func TestWritesOfAChange(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": "1"})
	f.create()
	f.ready()
	f.commit("second", map[string]string{"a": "2"})
	f.requests.Settle(t)
	f.request()
	counts := f.requests.Take()
	delete(counts, testkit.Request{Verb: "create", Resource: "events"})
	if testkit.Total(counts) != 2 || writes(counts) != 2 {
		testkit.Log(t, counts)
		t.Error("a new revision costs two status writes")
	}
}

func TestSuspend(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": "1"})
	f.create(func(o *sourcev1.GitRepository) { o.Spec.Suspend = true })
	repo := f.request()
	if len(f.gitRequests()) != 0 || repo.Status.Artifact != nil || len(repo.Status.Conditions) != 0 {
		t.Errorf("a suspended object was worked on: %+v", repo.Status)
	}
	f.change(func(o *sourcev1.GitRepository) { o.Spec.Suspend = false })
	f.ready()
	f.change(func(o *sourcev1.GitRepository) { o.Spec.Suspend = true })
	f.wait("the suspended generation", func(o *sourcev1.GitRepository) bool { return o.Status.ObservedGeneration == o.Generation })
	f.commit("second", map[string]string{"a": "2"})
	f.gitRequests()
	repo = f.request()
	if len(f.gitRequests()) != 0 || !conditions.IsReady(repo) {
		t.Errorf("conditions of a suspended object stay: %+v", repo.Status)
	}
}

func TestDelete(t *testing.T) {
	for name, suspended := range map[string]bool{"Active": false, "Suspended": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.commit("first", map[string]string{"a": "1"})
			repo := f.create()
			f.ready()
			f.change(func(o *sourcev1.GitRepository) { o.Spec.Suspend = suspended })
			if err := f.cluster.Client.Delete(t.Context(), repo); err != nil {
				t.Fatal(err)
			}
			f.repositories.AwaitGone(t, repo.Name)
			err := filepath.WalkDir(f.storage, func(p string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					t.Errorf("left over: %s", p)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
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

// Storage may vanish at any time; what is rebuilt is the same to the byte.
func TestStorageLost(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": strings.Repeat("1\n", 1000), "b/c": "2"})
	f.create()
	before := f.ready().Status.Artifact
	f.stop()
	for _, name := range []string{"gitrepository", ".state"} {
		if err := os.RemoveAll(filepath.Join(f.storage, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.start()
	repo := f.wait("a new artifact", func(o *sourcev1.GitRepository) bool {
		return conditions.IsReady(o) && o.Status.Artifact != nil && len(f.files()) == 1
	})
	if repo.Status.Artifact.Digest != before.Digest {
		t.Errorf("digest %s, before %s", repo.Status.Artifact.Digest, before.Digest)
	}
	f.download(repo.Status.Artifact)
}

func TestStoredFileAltered(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": "1"})
	f.create()
	before := f.ready().Status.Artifact
	if err := os.WriteFile(filepath.Join(f.storage, before.Path), []byte("altered"), 0o600); err != nil {
		t.Fatal(err)
	}
	repo := f.request()
	if repo.Status.Artifact == nil || repo.Status.Artifact.Digest != before.Digest || !conditions.IsReady(repo) {
		t.Errorf("not repaired: %+v", repo.Status)
	}
	if e := f.waitEvent(sourcev1.ArtifactVerificationFailedReason); e.Severity != "error" {
		t.Errorf("event %+v", e)
	}
	f.download(repo.Status.Artifact)
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
