// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func git(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), environment(t.TempDir())...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return string(out)
}

func files(content string) []File {
	return []File{{Path: "a.txt", Content: []byte(content)}, {Path: "dir/b c.txt", Content: []byte("b\n")}}
}

// TestPushAndFetch clones, pushes and fetches as a client would.
func TestPushAndFetch(t *testing.T) {
	ctx, root := t.Context(), t.TempDir()
	server, err := Serve(ctx, root)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	repo, err := Create(ctx, filepath.Join(root, "fleet.git"))
	if err != nil {
		t.Fatal(err)
	}
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

	refs := git(ctx, t, "ls-remote", server.URL+"/fleet.git")
	if !strings.Contains(refs, first) || strings.Contains(refs, second) || strings.Contains(refs, "staging") {
		t.Errorf("clients see\n%swant %s only: the second commit is not pushed yet", refs, first)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	git(ctx, t, "clone", "--quiet", server.URL+"/fleet.git", clone)
	if err := repo.Push(ctx, second); err != nil {
		t.Fatal(err)
	}
	git(ctx, t, "-C", clone, "pull", "--quiet")
	for file, want := range map[string]string{"a.txt": "2\n", "dir/b c.txt": "b\n"} {
		got, err := os.ReadFile(filepath.Join(clone, file))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, error %v, want %q", file, got, err, want)
		}
	}
	if tr := server.Traffic(); tr.Requests < 5 || tr.Bytes < 500 {
		t.Errorf("counted %+v for a listing, a clone and a fetch", tr)
	}
	if size, err := repo.PackedBytes(); err != nil || size < 0 {
		t.Errorf("PackedBytes() = %d, error %v", size, err)
	}
}

// TestDeterministic makes the same commits twice and compares their hashes.
func TestDeterministic(t *testing.T) {
	hashes := func() []string {
		repo, err := Create(t.Context(), filepath.Join(t.TempDir(), "r.git"))
		if err != nil {
			t.Fatal(err)
		}
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
	repo, err := Create(t.Context(), filepath.Join(t.TempDir(), "r.git"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = repo.Stage(t.Context(), "bad", slices.Values([]File{{Path: "a//b", Content: []byte("x")}}))
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
