// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// eventWith matches the event about a digest.
func eventWith(digest string) func(eventv1.Event) bool {
	return func(e eventv1.Event) bool { return e.Metadata[sourcev1.DigestMetadataKey] == digest }
}

func TestFailAndRecover(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"a": "1"})
	f.create()
	before := f.ready()

	f.change(func(o *sourcev1.GitRepository) { o.Spec.Reference.Branch = "gone" })
	repo := f.wait("the failure", func(o *sourcev1.GitRepository) bool { return conditions.IsTrue(o, sourcev1.FetchFailedCondition) })
	if got := testkit.Condition(repo, meta.ReadyCondition); !strings.HasPrefix(got, "False GitOperationFailed: ") || !strings.Contains(got, "gone") {
		t.Errorf("Ready: %s", got)
	}
	if got := testkit.Condition(repo, meta.ReconcilingCondition); !strings.HasPrefix(got, "True ProgressingWithRetry") {
		t.Errorf("Reconciling: %s", got)
	}
	if repo.Status.ObservedGeneration == repo.Generation || !conditions.IsTrue(repo, sourcev1.ArtifactInStorageCondition) {
		t.Errorf("a failure keeps the artifact and does not count as observed: %+v", repo.Status)
	}
	f.download(before.Status.Artifact)
	failed := f.waitEvent(sourcev1.GitOperationFailedReason)
	if failed.Severity != "error" {
		t.Errorf("event %+v", failed)
	}
	if repo = f.request(); conditions.IsReady(repo) {
		t.Errorf("a failing run follows the request as well: %+v", repo.Status)
	}

	f.change(func(o *sourcev1.GitRepository) { o.Spec.Reference.Branch = "main" })
	f.ready()
	recovered := f.waitEvent(meta.SucceededReason)
	if recovered.Severity != "info" || recovered.Metadata[sourcev1.RevisionMetadataKey] != before.Status.Artifact.Revision {
		t.Errorf("event %+v", recovered)
	}
	f.request()
	n := 0
	for _, reason := range f.reasons() {
		if reason == "info "+meta.SucceededReason {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the recovery is told once, got %v", f.reasons())
	}
}

func TestStorageNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root writes everywhere; a file in the place of the directory does what permissions cannot.
		t.Log("running as root")
	}
	f := newFixture(t)
	f.commit("first", map[string]string{"a": "1"})
	blocked := filepath.Join(f.storage, "gitrepository")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.create()
	repo := f.wait("the failure", func(o *sourcev1.GitRepository) bool {
		return conditions.IsTrue(o, sourcev1.StorageOperationFailedCondition)
	})
	reasons := []string{sourcev1.ArchiveOperationFailedReason, sourcev1.DirectoryCreationFailedReason}
	if !slices.Contains(reasons, conditions.GetReason(repo, meta.ReadyCondition)) {
		t.Errorf("Ready: %s", testkit.Condition(repo, meta.ReadyCondition))
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	repo = f.ready()
	if conditions.Has(repo, sourcev1.StorageOperationFailedCondition) {
		t.Errorf("conditions: %+v", repo.Status.Conditions)
	}
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
