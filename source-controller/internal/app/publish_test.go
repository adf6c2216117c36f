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

	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
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

	b := f.checkPublished(repo, "gitrepository", published{
		file: hash + ".tar.gz", revision: "main@sha1:" + hash, stored: "True Succeeded: stored artifact for revision 'main@sha1:" + hash + "'",
	})
	if diff := cmp.Diff([]string{".", "deploy", "deploy/app.yaml"}, entries(t, b)); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	if got := f.announced(repo, sourcev1.NewArtifactReason); got != "stored artifact for commit 'a subject that is rather long, longer than fifty r...'" {
		t.Errorf("event %s", got)
	}
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
