// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/git"
)

func TestFetchIncrements(t *testing.T) {
	f := newFixture(t)
	main := git.Reference{Branch: "main"}
	base := noise(400)
	f.commit(t, "main", "first\n\nbody", base)
	_, commit := f.fetch(t, main)
	checkFiles(t, base, commit)
	if commit.Subject != "first" {
		t.Errorf("subject %q", commit.Subject)
	}
	_, full := f.traffic.take()

	f.reopen(t)
	_, commit = f.fetch(t, main)
	checkFiles(t, base, commit)
	if requests, _ := f.traffic.take(); len(requests) != 1 {
		t.Errorf("an unchanged branch costs one listing, got %v", requests)
	}

	changed := base
	for i := range 5 {
		f.reopen(t)
		path := fmt.Sprintf("dir-07/file-%04d.yaml", 7+20*i)
		changed = with(changed, path, changed[path]+"more: true\n")
		f.commit(t, "main", "one line", changed)
		_, commit = f.fetch(t, main)
		requests, n := f.traffic.take()
		if len(requests) != 2 || n > full/20 {
			t.Errorf("a line changed: %d bytes in %v; the whole is %d", n, requests, full)
		}
		checkFiles(t, changed, commit)
	}

	f.reopen(t)
	f.commit(t, "other", "unrelated", with(changed, "new", "file"))
	_, commit = f.fetch(t, git.Reference{Branch: "other"})
	if _, n := f.traffic.take(); n > full/20 {
		t.Errorf("another branch with nearly the same files: %d bytes, the whole is %d", n, full)
	}
	checkFiles(t, with(changed, "new", "file"), commit)
}

func TestFetchHistoryIsNotFetched(t *testing.T) {
	f := newFixture(t)
	for i := range 20 {
		f.commit(t, "main", fmt.Sprint("commit ", i), noise(i+1))
	}
	f.fetch(t, git.Reference{Branch: "main"})
	b, err := os.ReadFile(filepath.Join(f.dir, "repo.git", "shallow"))
	if err != nil || len(strings.Fields(string(b))) != 1 {
		t.Errorf("shallow file %q, %v: want the one commit that was fetched", b, err)
	}
}

func TestFetchRewrittenBranch(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", noise(10))
	f.fetch(t, git.Reference{Branch: "main"})
	repo := f.server.Repository(t, repoPath)
	if err := repo.Storer.RemoveReference("refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	rewritten := with(noise(10), "dir-00/file-0000.yaml", "rewritten")
	f.commit(t, "main", "no parent", rewritten)
	f.reopen(t)
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	checkFiles(t, rewritten, commit)
}

func TestFetchCommit(t *testing.T) {
	cases := map[string]struct {
		reason string
		config []string
		branch string
		// pick is which of the commits on main is wanted.
		pick int
		// unreachable asks for a commit on no branch.
		unreachable bool
		err         error
	}{
		"Tip":                 {reason: "The tip of a branch is given by every server.", pick: 4},
		"History":             {reason: "A server that gives tips only is asked for the history.", pick: 1},
		"ByHash":              {reason: "A server that gives reachable commits is asked for the one.", config: []string{"uploadpack.allowReachableSHA1InWant", "true"}, pick: 1},
		"OfBranch":            {reason: "With a branch the commit is looked for there.", branch: "main", pick: 1},
		"OfOtherBranch":       {reason: "It is not found on another branch.", branch: "other", pick: 1, err: git.ErrReference},
		"OfMissingBranch":     {reason: "Nor on one that does not exist.", branch: "gone", pick: 1, err: git.ErrReference},
		"Unreachable":         {reason: "A commit that no reference reaches is not found.", unreachable: true, err: git.ErrReference},
		"UnreachableOfBranch": {reason: "Not even where the server would give it.", config: []string{"uploadpack.allowAnySHA1InWant", "true"}, branch: "main", unreachable: true, err: git.ErrReference},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			var commits []string
			for i := range 5 {
				commits = append(commits, f.commit(t, "main", fmt.Sprint(i), map[string]string{"n": fmt.Sprint(i)}))
			}
			f.commit(t, "other", "other", map[string]string{"n": "other"})
			want := commits[tc.pick]
			if tc.unreachable {
				want = f.commit(t, "lost", "lost", map[string]string{"n": "lost"})
				if err := f.server.Repository(t, repoPath).Storer.RemoveReference("refs/heads/lost"); err != nil {
					t.Fatal(err)
				}
			}
			if tc.config != nil {
				gitCommand(t, filepath.Join(f.server.Root(), repoPath), append([]string{"config"}, tc.config...)...)
			}
			ref := git.Reference{Commit: want, Branch: tc.branch}
			target, err := f.mirror.Resolve(t.Context(), f.remote, ref)
			if err != nil {
				t.Fatal(err)
			}
			commit, err := f.mirror.Fetch(t.Context(), f.remote, target)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s\ngot %v, want %v", tc.reason, err, tc.err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s\nthe error does not name the commit: %v", tc.reason, err)
				}
				return
			}
			checkFiles(t, map[string]string{"n": fmt.Sprint(tc.pick)}, commit)

			f.reopen(t)
			f.traffic.take()
			_, commit = f.fetch(t, ref)
			checkFiles(t, map[string]string{"n": fmt.Sprint(tc.pick)}, commit)
			if requests, _ := f.traffic.take(); len(requests) != 0 {
				t.Errorf("%s\na commit that is there needs no request, got %v", tc.reason, requests)
			}
		})
	}
}

// A commit that is in the mirror as the tip of one branch was not proven to be on another.
func TestFetchCommitIsProvenAnew(t *testing.T) {
	f := newFixture(t)
	tip := f.commit(t, "main", "tip", map[string]string{"a": "1"})
	f.commit(t, "other", "other", map[string]string{"a": "2"})
	f.fetch(t, git.Reference{Branch: "main"})
	f.notOn(t, "other", tip)
}

// notOn holds that a mirror that is opened anew does not take a commit of the one branch for one of the other.
func (f *fixture) notOn(t *testing.T, branch, commit string) {
	t.Helper()
	f.reopen(t)
	target, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Branch: branch, Commit: commit})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.mirror.Fetch(t.Context(), f.remote, target); !errors.Is(err, git.ErrReference) {
		t.Errorf("got %v, want ErrReference", err)
	}
}

// A commit that is in the mirror with its history was not proven to be in that of another branch.
func TestFetchCommitIsProvenInHistory(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "base", "first", map[string]string{"a": "1"})
	old := f.commit(t, "main", "old", map[string]string{"a": "1"})
	f.commit(t, "main", "tip", map[string]string{"a": "2"})
	f.commit(t, "other", "other", map[string]string{"a": "3"})
	f.fetch(t, git.Reference{Branch: "main", Commit: old})
	f.notOn(t, "other", old)
}

// A tag may name something else than a commit, which no clone changes.
func TestFetchTagOfBlob(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	f.server.Tag(t, repoPath, "blob", f.blob(t, "content").String())
	target, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Tag: "blob"})
	if err != nil {
		t.Fatal(err)
	}
	f.traffic.take()
	_, err = f.mirror.Fetch(t.Context(), f.remote, target)
	if !errors.Is(err, git.ErrReference) || errors.Is(err, git.ErrCorrupt) || !strings.Contains(err.Error(), "not a commit") {
		t.Errorf("got %v, want ErrReference", err)
	}
	if requests, _ := f.traffic.take(); len(requests) != 1 {
		t.Errorf("one fetch is enough, got %v", requests)
	}
}

func TestFetchRepairs(t *testing.T) {
	packs := func(dir, pattern string) []string {
		found, err := filepath.Glob(filepath.Join(dir, "repo.git", "objects", "pack", pattern))
		if err != nil || len(found) == 0 {
			panic("no file " + pattern)
		}
		return found
	}
	cases := map[string]struct {
		reason string
		damage func(dir string) error
	}{
		"NoRepository": {"A lost mirror is cloned again.", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "repo.git")) }},
		"NoState":      {"So is one without a state.", func(dir string) error { return os.Remove(filepath.Join(dir, "repo.git", "weir.json")) }},
		"BadState": {"Also if it cannot be read.", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "repo.git", "weir.json"), []byte("{"), 0o600)
		}},
		"NoPack":  {"A lost pack is noticed.", func(dir string) error { return os.Remove(packs(dir, "*.pack")[0]) }},
		"NoIndex": {"So is a lost index.", func(dir string) error { return os.Remove(packs(dir, "*.idx")[0]) }},
		"BadIndex": {"Or one that is cut off.", func(dir string) error {
			p := packs(dir, "*.idx")[0]
			return errors.Join(os.Chmod(p, 0o600), os.Truncate(p, 100))
		}},
		"CutPack": {"A pack that is cut off is noticed when the next objects build on it.", func(dir string) error {
			p := packs(dir, "*.pack")[0]
			return errors.Join(os.Chmod(p, 0o600), os.Truncate(p, 64))
		}},
	}
	for name, tc := range cases {
		for _, moved := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/moved=%t", name, moved), func(t *testing.T) {
				f := newFixture(t)
				content := noise(40)
				f.commit(t, "main", "first", content)
				f.fetch(t, git.Reference{Branch: "main"})
				if err := f.mirror.Close(); err != nil {
					t.Fatal(err)
				}
				if err := tc.damage(f.dir); err != nil {
					t.Fatal(err)
				}
				if moved {
					content = with(content, "dir-00/file-0000.yaml", content["dir-00/file-0000.yaml"]+"more: 1\n")
					f.commit(t, "main", "second", content)
				}
				f.reopen(t)
				target, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Branch: "main"})
				if err != nil {
					t.Fatal(err)
				}
				commit, err := f.mirror.Fetch(t.Context(), f.remote, target)
				if err == nil {
					err = readAll(t, commit)
				}
				if errors.Is(err, git.ErrCorrupt) {
					// What the consumer of a commit does in the same run.
					if err := f.mirror.Reset(); err != nil {
						t.Fatal(err)
					}
					commit, err = f.mirror.Fetch(t.Context(), f.remote, target)
				}
				if err != nil {
					t.Fatalf("%s\n%v", tc.reason, err)
				}
				checkFiles(t, content, commit)
			})
		}
	}
}

// readAll reads a commit and returns the first error.
func readAll(t *testing.T, commit *git.Commit) error {
	t.Helper()
	for e, err := range commit.Entries(t.Context(), nil) {
		if err != nil {
			return err
		}
		if e.Mode == git.Dir {
			continue
		}
		r, err := commit.Open(e.Hash)
		if err != nil {
			return err
		}
		buf := make([]byte, 1<<10)
		for err == nil {
			_, err = r.Read(buf)
		}
		if err := r.Close(); err != nil {
			return err
		}
		if errors.Is(err, git.ErrCorrupt) {
			return err
		}
	}
	return nil
}

func TestFetchFlippedBit(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": strings.Repeat("0123456789abcdef\n", 2000)})
	f.fetch(t, git.Reference{Branch: "main"})
	if err := f.mirror.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(f.dir, "repo.git", "objects", "pack", "*.pack"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 12; i < len(b)-20; i += 9 {
		damaged := append([]byte(nil), b...)
		damaged[i] ^= 0x10
		if err := errors.Join(os.Chmod(found[0], 0o600), os.WriteFile(found[0], damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		f.reopen(t)
		target, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Branch: "main"})
		if err != nil {
			t.Fatal(err)
		}
		commit, err := f.mirror.Fetch(t.Context(), f.remote, target)
		if err == nil {
			err = readAll(t, commit)
		}
		if err != nil && !errors.Is(err, git.ErrCorrupt) {
			t.Errorf("byte %d flipped: %v is not ErrCorrupt", i, err)
		}
		if err == nil {
			checkFiles(t, map[string]string{"a": strings.Repeat("0123456789abcdef\n", 2000)}, commit)
		}
		if err := f.mirror.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A server that answers increments with nonsense is asked for everything.
func TestFetchFromUnskilledServer(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", noise(10))
	origin, err := url.Parse(f.server.HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]string{"Response": "0009oops\n", "Pack": "0008NAK\nPACK????"} {
		t.Run(name, func(t *testing.T) {
			unskilled := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if bytes.Contains(body, []byte("have ")) {
					w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
					_, _ = io.WriteString(w, answer)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				forward(origin).ServeHTTP(w, r)
			}))
			defer unskilled.Close()
			f.remote = remote(t, unskilled.URL+"/"+repoPath, git.Credentials{})
			f.fetch(t, git.Reference{Branch: "main"})
			f.commit(t, "main", "next", with(noise(10), "x", name))
			_, commit := f.fetch(t, git.Reference{Branch: "main"})
			checkFiles(t, with(noise(10), "x", name), commit)
		})
	}
}

func TestMirrorOfAnotherRepository(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	f.fetch(t, git.Reference{Branch: "main"})
	hash := f.server.Commit(t, "other.git", "main", "other", map[string]string{"b": "2"})
	f.remote = remote(t, f.server.HTTPAddress()+"/other.git", git.Credentials{})
	f.reopen(t)
	_, commit := f.fetch(t, git.Reference{Commit: hash})
	checkFiles(t, map[string]string{"b": "2"}, commit)
	if _, err := f.mirror.Commit(commit.Hash); err != nil {
		t.Error(err)
	}
}

func TestMirrorSweepsAndIsReadableByGit(t *testing.T) {
	f := newFixture(t)
	hash := f.commit(t, "main", "first", noise(5))
	if err := os.MkdirAll(filepath.Join(f.dir, "fresh-123", "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	f.fetch(t, git.Reference{Branch: "main"})
	unfinished := filepath.Join(f.dir, "repo.git", "objects", "pack", "tmp_pack_1")
	if err := os.WriteFile(unfinished, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	orphan := filepath.Join(filepath.Dir(unfinished), "pack-0123.idx")
	if err := os.WriteFile(orphan, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	for _, name := range []string{unfinished, orphan} {
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("an unfinished pack stays: %v", err)
		}
	}
	f.commit(t, "main", "second", with(noise(5), "x", "y"))
	f.fetch(t, git.Reference{Branch: "main"})
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v, %v", entries, err)
	}
	repo := filepath.Join(f.dir, "repo.git")
	if kind := strings.TrimSpace(gitCommand(t, repo, "cat-file", "-t", hash)); kind != "commit" {
		t.Errorf("git reads a %q", kind)
	}
	out := gitCommand(t, repo, "fsck", "--full", "--no-dangling")
	if diff := cmp.Diff("", strings.TrimSpace(out)); diff != "" && strings.Contains(out, "error") {
		t.Errorf("git fsck: %s", out)
	}
}

// gitCommand runs the git command in a repository.
func gitCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
	cmd.Env = gitEnvironment(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// gitEnvironment is one in which the git command knows nothing of who runs the tests, nor of a repository whose hook does.
func gitEnvironment(t *testing.T) []string {
	t.Helper()
	foreign := func(v string) bool {
		return strings.HasPrefix(v, "GIT_") || strings.HasPrefix(v, "XDG_CONFIG_HOME=") || strings.HasPrefix(v, "LC_ALL=")
	}
	return append(slices.DeleteFunc(os.Environ(), foreign), "GIT_CONFIG_NOSYSTEM=1", "HOME="+t.TempDir(), "LC_ALL=C")
}
