// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

// traffic records what a Git server was asked and how much it answered.
type traffic struct {
	mu       sync.Mutex
	requests []string
	bytes    int
}

// take returns what was recorded and starts anew.
func (r *traffic) take() ([]string, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests, n := r.requests, r.bytes
	r.requests, r.bytes = nil, 0
	return requests, n
}

func (r *traffic) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.requests = append(r.requests, req.Method+" "+req.URL.Path)
		r.mu.Unlock()
		next.ServeHTTP(&countingWriter{ResponseWriter: w, traffic: r}, req)
	})
}

type countingWriter struct {
	http.ResponseWriter

	traffic *traffic
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.traffic.mu.Lock()
	w.traffic.bytes += len(b)
	w.traffic.mu.Unlock()
	return w.ResponseWriter.Write(b)
}

// Flush is what the test server wants of a response.
func (w *countingWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// fixture is a server with one repository, and a mirror of it.
type fixture struct {
	server  *testkit.GitServer
	traffic *traffic
	remote  *git.Remote
	mirror  *git.Mirror
	dir     string
}

const repoPath = "app.git"

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{server: testkit.NewGitServer(t), traffic: &traffic{}, dir: t.TempDir()}
	f.server.AddHTTPMiddlewares(f.traffic.middleware)
	f.server.Repository(t, repoPath)
	f.remote = remote(t, f.server.HTTP(t)+"/"+repoPath, git.Credentials{})
	f.reopen(t)
	return f
}

func remote(t *testing.T, address string, creds git.Credentials) *git.Remote {
	t.Helper()
	r, err := git.NewRemote(address, creds, git.SSHAlgorithms{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// reopen starts over with the mirror on disk, as the next run does.
func (f *fixture) reopen(t *testing.T) {
	t.Helper()
	if f.mirror != nil {
		if err := f.mirror.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m, err := git.OpenMirror(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	f.mirror = m
}

func (f *fixture) commit(t *testing.T, branch, message string, files map[string]string) string {
	t.Helper()
	return f.server.Commit(t, repoPath, branch, message, files)
}

// fetch resolves and fetches and fails the test on an error.
func (f *fixture) fetch(t *testing.T, ref git.Reference) (git.Target, *git.Commit) {
	t.Helper()
	target, err := f.mirror.Resolve(t.Context(), f.remote, ref)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	commit, err := f.mirror.Fetch(t.Context(), f.remote, target)
	if err != nil {
		t.Fatalf("Fetch: %v", err)
	}
	return target, commit
}

// files reads the content of a commit.
func files(t *testing.T, commit *git.Commit) map[string]string {
	t.Helper()
	all := map[string]string{}
	for e, err := range commit.Entries(t.Context(), nil) {
		if err != nil {
			t.Fatalf("Entries: %v", err)
		}
		if e.Mode == git.Dir {
			continue
		}
		r, err := commit.Open(e.Hash)
		if err != nil {
			t.Fatalf("Open %s: %v", e.Path, err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("read %s: %v", e.Path, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		size, err := commit.Size(e.Hash)
		if err != nil || size != int64(len(b)) {
			t.Fatalf("size of %s: %d, %v; content has %d", e.Path, size, err, len(b))
		}
		all[e.Path] = string(b)
	}
	return all
}

// checkFiles compares the content of a commit.
func checkFiles(t *testing.T, want map[string]string, commit *git.Commit) {
	t.Helper()
	if diff := cmp.Diff(want, files(t, commit)); diff != "" {
		t.Fatalf("content (-want +got):\n%s", diff)
	}
}

// noise returns n files of about a kilobyte that do not compress to nothing.
func noise(n int) map[string]string {
	all := map[string]string{}
	for i := range n {
		text := ""
		for j := range 40 {
			text += fmt.Sprintf("key-%d-%d: %x\n", i, j, (i+1)*(j+7)*2654435761)
		}
		all[fmt.Sprintf("dir-%02d/file-%04d.yaml", i%20, i)] = text
	}
	return all
}

// with returns files with one more or other.
func with(files map[string]string, path, content string) map[string]string {
	files = maps.Clone(files)
	files[path] = content
	return files
}
