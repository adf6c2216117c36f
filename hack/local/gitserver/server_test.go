// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func serve(t *testing.T, onPush func()) *Server {
	t.Helper()
	server, err := Start(t.Context(), filepath.Join(t.TempDir(), "repositories"), onPush)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func create(t *testing.T, server *Server) *Repository {
	t.Helper()
	repository, err := server.Create(t.Context(), "fleet")
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"-c", "http.proxy=", "-c", "gc.auto=0", "-c", "maintenance.auto=false"}, args...)
	out, err := command{env: environment(t.TempDir())}.run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expectFiles compares files of a folder.
func expectFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	for file, content := range want {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != content {
			t.Errorf("%s has %d bytes, error %v, want %d others", file, len(got), err, len(content))
		}
	}
}

// TestHook works while git runs a hook of another repository, which sets variables that say where that one is.
func TestHook(t *testing.T) {
	other := t.TempDir()
	git(t, "init", "-q", other)
	t.Setenv("GIT_DIR", filepath.Join(other, ".git"))
	t.Setenv("GIT_WORK_TREE", other)
	work := filepath.Join(t.TempDir(), "work")
	if _, err := create(t, serve(t, nil)).Clone(t.Context(), work, fstest.MapFS{"a": {Data: []byte("1\n")}}); err != nil {
		t.Fatal(err)
	}
	if refs, err := os.ReadDir(filepath.Join(other, ".git", "refs", "heads")); err != nil || len(refs) > 0 {
		t.Errorf("the other repository has branches %v, error %v", refs, err)
	}
}

// TestClone works in a clone as a person does.
func TestClone(t *testing.T) {
	t.Setenv("no_proxy", "127.0.0.1") // DefaultBranch asks with the settings of the person
	pushes := 0
	server := serve(t, func() { pushes++ })
	work := filepath.Join(t.TempDir(), "work")
	clone, err := create(t, server).Clone(t.Context(), work, fstest.MapFS{"apps/a.yaml": {Data: []byte("a: 1\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if pushes != 1 {
		t.Errorf("pushes = %d, want 1 for the first commit", pushes)
	}
	// Random bytes do not compress: the pack is over the 1 MB from which git sends chunks.
	big := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(big)
	if err := os.WriteFile(filepath.Join(work, "big"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := clone.Push(t.Context(), "Add something big"); err != nil {
		t.Fatal(err)
	}
	if pushes != 2 {
		t.Errorf("pushes = %d, want 2", pushes)
	}
	other := filepath.Join(t.TempDir(), "other")
	git(t, "clone", "-q", server.URL("fleet"), other)
	expectFiles(t, other, map[string]string{"big": string(big), "apps/a.yaml": "a: 1\n"})
	if branch, err := DefaultBranch(t.Context(), server.URL("fleet")); err != nil || branch != Branch {
		t.Errorf("DefaultBranch() = %q, %v", branch, err)
	}

	// Somebody else pushes, and is not in the way.
	git(t, "-C", other, "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-q", "--allow-empty", "-m", "Faster")
	git(t, "-C", other, "push", "-q")
	if err := os.WriteFile(filepath.Join(work, "small"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash, err := clone.Push(t.Context(), "Add something small")
	if err != nil {
		t.Fatal(err)
	}
	if refs := git(t, "ls-remote", server.URL("fleet"), "refs/heads/"+Branch); !strings.HasPrefix(refs, hash) {
		t.Errorf("the branch is at %s, want %s", refs, hash)
	}
	if log := git(t, "-C", work, "log", "--format=%s"); log != "Add something small\nFaster\nAdd something big\nStart" {
		t.Errorf("commits:\n%s", log)
	}
}

// TestConflict sees that a clone stays on its branch when somebody else has changed the same.
func TestConflict(t *testing.T) {
	server := serve(t, nil)
	work, other := filepath.Join(t.TempDir(), "work"), filepath.Join(t.TempDir(), "other")
	clone, err := create(t, server).Clone(t.Context(), work, fstest.MapFS{"a": {Data: []byte("1\n")}})
	if err != nil {
		t.Fatal(err)
	}
	git(t, "clone", "-q", server.URL("fleet"), other)
	for dir, content := range map[string]string{work: "mine\n", other: "theirs\n"} {
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, "-C", other, "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-q", "-a", "-m", "Faster")
	git(t, "-C", other, "push", "-q")
	if hash, err := clone.Push(t.Context(), "Mine"); err == nil {
		t.Errorf("pushed %s over what somebody else has changed", hash)
	}
	if branch := git(t, "-C", work, "rev-parse", "--abbrev-ref", "HEAD"); branch != Branch {
		t.Errorf("the clone is on %s, want %s", branch, Branch)
	}
	expectFiles(t, work, map[string]string{"a": "mine\n"})
}

func TestMirror(t *testing.T) {
	from := t.TempDir()
	git(t, "init", "-q", "-b", "trunk", from)
	git(t, "-C", from, "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-q", "--allow-empty", "-m", "Start")
	t.Setenv("no_proxy", "127.0.0.1") // DefaultBranch asks with the settings of the person
	server := serve(t, nil)
	branch, err := server.Mirror(t.Context(), "mine", from)
	if err != nil || branch != "trunk" {
		t.Fatalf("Mirror() = %q, %v", branch, err)
	}
	if branch, err := DefaultBranch(t.Context(), server.URL("mine")); err != nil || branch != "trunk" {
		t.Errorf("DefaultBranch() = %q, %v", branch, err)
	}
	if _, err := DefaultBranch(t.Context(), server.URL("none")); err == nil {
		t.Error("a repository that does not exist has no branch")
	}
}

func files(content string) []File {
	return []File{{Path: "a.txt", Content: []byte(content)}, {Path: "dir/b c.txt", Content: []byte("b\n")}}
}

// TestStage sees that a staged commit shows once it is pushed.
func TestStage(t *testing.T) {
	ctx, server := t.Context(), serve(t, nil)
	repo := create(t, server)
	first, err := repo.Stage(ctx, "first", slices.Values(files("1\n")))
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Push(ctx, first); err != nil {
		t.Fatal(err)
	}
	second, err := repo.Stage(ctx, "second", slices.Values([]File{{Path: "a.txt", Content: []byte("2\n")}}))
	if err != nil {
		t.Fatal(err)
	}

	refs := git(t, "ls-remote", repo.URL)
	if !strings.Contains(refs, first) || strings.Contains(refs, second) || strings.Contains(refs, "staging") {
		t.Errorf("clients see\n%swant %s only: the second commit is not pushed yet", refs, first)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, "clone", "--quiet", repo.URL, clone)
	if err := repo.Push(ctx, second); err != nil {
		t.Fatal(err)
	}
	git(t, "-C", clone, "pull", "--quiet")
	expectFiles(t, clone, map[string]string{"a.txt": "2\n", "dir/b c.txt": "b\n"})
	if tr := server.Traffic(); tr.Requests < 5 || tr.Bytes < 500 {
		t.Errorf("counted %+v for a listing, a clone and a fetch", tr)
	}
	if size, err := repo.PackedBytes(); err != nil || size < 0 {
		t.Errorf("PackedBytes() = %d, error %v", size, err)
	}
}

// TestStageIsDeterministic makes the same commits twice and compares their hashes.
func TestStageIsDeterministic(t *testing.T) {
	hashes := func() []string {
		repo := create(t, serve(t, nil))
		var all []string
		for _, content := range []string{"1\n", "2\n"} {
			hash, err := repo.Stage(t.Context(), "change", slices.Values(files(content)))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, hash)
		}
		return all
	}
	if one, two := hashes(), hashes(); !slices.Equal(one, two) || one[0] == one[1] {
		t.Errorf("commits %v and %v", one, two)
	}
}

func TestStageReportsGitsError(t *testing.T) {
	_, err := create(t, serve(t, nil)).Stage(t.Context(), "bad", slices.Values([]File{{Path: "a//b", Content: []byte("x")}}))
	if err == nil || !strings.Contains(err.Error(), "fast-import") {
		t.Errorf("error %v, want that of git fast-import", err)
	}
}

// TestChunkedRequest sends a body without Content-Length, which CGI cannot take.
func TestChunkedRequest(t *testing.T) {
	var got []byte
	handler := unchunk(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		if r.ContentLength != int64(len(got)) || r.TransferEncoding != nil {
			t.Errorf("length %d, encoding %v", r.ContentLength, r.TransferEncoding)
		}
	}))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", io.MultiReader(bytes.NewReader([]byte("want"))))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	handler.ServeHTTP(nil, r)
	if string(got) != "want" {
		t.Errorf("body %q", got)
	}
}
