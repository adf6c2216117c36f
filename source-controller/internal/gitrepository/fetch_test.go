// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// A disk that is full is a fault of storage also while the mirror is written. The contract's row "storage full".
func TestMirrorFull(t *testing.T) {
	if dir := os.Getenv("GITREPOSITORY_TEST_FULL"); dir != "" {
		fullMirror(t, dir)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMirrorFull$", "-test.v")
	cmd.Env = append(os.Environ(), "GITREPOSITORY_TEST_FULL="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// fullMirror lets no file of this process grow beyond 64 KiB, which it notices in the same way as the end of the disk.
func fullMirror(t *testing.T, dir string) {
	t.Helper()
	server := testkit.NewGitServer(t)
	server.Repository(t, "repo.git")
	content := make([]byte, 1<<20)
	_, _ = rand.Read(content) // never fails
	server.Commit(t, "repo.git", "main", "first", map[string]string{"large": string(content)})
	storage, err := store.Open(store.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	r := &Reconciler{Base: publish.Base{Secrets: &auth.Reader{Client: &testkit.Cache{}}, Store: storage}}
	o := &sourcev1.GitRepository{}
	o.Namespace, o.Name, o.Spec.URL = "ns", "app", server.HTTP(t)+"/repo.git"
	o.Spec.Reference = &sourcev1.GitRepositoryRef{Branch: "main"}
	s := r.start(o, reconcile.Run{Publish: func(context.Context) error { return nil }})
	defer s.release()
	if err := r.storage(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := r.resolve(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}); err != nil {
		t.Fatal(err)
	}
	got := outcome.Of(r.fetch(t.Context(), s))
	if got.Reason != sourcev1.ArchiveOperationFailedReason || strings.Contains(got.Message(), dir) || !strings.HasSuffix(got.Message(), "file too large") {
		t.Errorf("got %+v", got)
	}
}
