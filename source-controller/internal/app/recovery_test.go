// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// eventWith matches the event about a digest.
func eventWith(digest string) func(eventv1.Event) bool {
	return func(e eventv1.Event) bool { return e.Metadata[sourcev1.DigestMetadataKey] == digest }
}

// A status that names somebody else's file, as after a mistaken restore, neither serves nor deletes it.
func TestForeignPathInStatus(t *testing.T) {
	f := newFixture(t)
	hash := f.commit("first", map[string]string{"a": "1"})
	other := filepath.Join(f.storage, "gitrepository", "other", "app")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "x.tar.gz"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.create(func(o *sourcev1.GitRepository) { o.Spec.Suspend = true })
	repo := f.request()
	repo.Status.Artifact = &meta.Artifact{
		Path: "gitrepository/other/app/x.tar.gz", URL: "http://x/y", Revision: "main@sha1:" + hash, Digest: "sha256:" + strings.Repeat("0", 64), LastUpdateTime: repo.CreationTimestamp,
	}
	if err := f.cluster.Client.Status().Update(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	f.change(func(o *sourcev1.GitRepository) { o.Spec.Suspend = false })
	if a := f.ready().Status.Artifact; !strings.Contains(a.Path, f.namespace) {
		t.Errorf("artifact %+v", a)
	}
	if _, err := os.Stat(filepath.Join(other, "x.tar.gz")); err != nil {
		t.Errorf("the other object's file: %v", err)
	}
}

// What a process keeps outside of its storage goes with it, but for the empty folder, which the next process may have opened.
func TestTreesGo(t *testing.T) {
	suite.Cluster(t) // has its own files where the next line is not about
	t.Setenv("TMPDIR", t.TempDir())
	f := newFixture(t)
	if made, err := filepath.Glob(filepath.Join(os.TempDir(), "source-controller-trees-*")); err != nil || len(made) != 1 {
		t.Errorf("while it runs: %v, %v", made, err)
	}
	f.stop()
	err := filepath.WalkDir(os.TempDir(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("there stays %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
