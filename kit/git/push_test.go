// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

const main = "refs/heads/main"

// draft makes a commit on top of another.
func draft(t *testing.T, commit *git.Commit, files map[string]string, edit ...func(*git.DraftOptions)) *git.Draft {
	t.Helper()
	content := map[string][]byte{}
	for path, text := range files {
		content[path] = []byte(text)
	}
	o := git.DraftOptions{Name: "Weir", Email: "weir@example.com", Time: time.Now(), Message: "change"}
	for _, e := range edit {
		e(&o)
	}
	d, err := commit.Draft(t.Context(), content, o)
	if err != nil {
		t.Fatalf("Draft: %v", err)
	}
	return d
}

func (f *fixture) path() string { return filepath.Join(f.server.Root(), repoPath) }

func (f *fixture) head(t *testing.T, ref string) string {
	t.Helper()
	return strings.TrimSpace(gitCommand(t, f.path(), "rev-parse", ref))
}

func TestPush(t *testing.T) {
	f := newFixture(t)
	content := with(noise(300), "apps/web.yaml", "image: web:1\n")
	first := f.commit(t, "main", "first", content)
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	f.traffic.take()

	d := draft(t, commit, map[string]string{"apps/web.yaml": "image: web:2\n"})
	if _, err := f.remote.Push(t.Context(), git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}); err != nil {
		t.Fatal(err)
	}
	requests, _ := f.traffic.take()
	if diff := cmp.Diff([]string{"GET /app.git/info/refs", "POST /app.git/git-receive-pack"}, requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if got := f.head(t, "main"); got != d.Hash.String() {
		t.Fatalf("main is at %s, want %s", got, d.Hash)
	}
	gitCommand(t, f.path(), "fsck", "--strict")
	if got := gitCommand(t, f.path(), "diff-tree", "-r", "--name-only", "--no-commit-id", "main"); got != "apps/web.yaml\n" {
		t.Errorf("changed files: %s", got)
	}
	if got := gitCommand(t, f.path(), "log", "-1", "--format=%P|%an|%ae|%cn|%B", "main"); got != first+"|Weir|weir@example.com|Weir|change\n" {
		t.Errorf("commit: %s", got)
	}

	// The mirror keeps what was pushed: the next look is one listing.
	if err := f.mirror.Keep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	f.traffic.take()
	f.reopen(t)
	_, next := f.fetch(t, git.Reference{Branch: "main"})
	if requests, _ := f.traffic.take(); len(requests) != 1 || next.Hash != d.Hash {
		t.Errorf("commit %s after requests %v", next.Hash, requests)
	}
	content["apps/web.yaml"] = "image: web:2\n"
	checkFiles(t, content, next)
	if next.Message != "change" || !next.CommittedBy("Weir", "weir@example.com") || next.CommittedBy("Weir", "") || commit.CommittedBy("Weir", "weir@example.com") {
		t.Errorf("commit: %+v", next)
	}

	// Somebody else builds on it, and what is fetched then is small.
	f.commit(t, "main", "third", with(content, "new", "x"))
	f.traffic.take()
	f.fetch(t, git.Reference{Branch: "main"})
	if _, n := f.traffic.take(); n > 4<<10 {
		t.Errorf("fetched %d bytes after a push", n)
	}
}

func TestPushKeepsTheRest(t *testing.T) {
	f := newFixture(t)
	work := t.TempDir()
	gitCommand(t, work, "init", "-q", "-b", "main")
	script := `mkdir -p a/b && echo 1 >a/b/x.yaml && echo 1 >a/run && chmod +x a/run && ln -s b/x.yaml a/link && echo 1 >a.b && echo 1 >a-b &&
		git update-index --add --cacheinfo 160000,1234567890123456789012345678901234567890,a/sub && git add a.b a-b a/b a/run a/link &&
		git -c user.name=x -c user.email=x@example.com commit -q -m first && git push -q ` + f.path() + ` main`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir, cmd.Env = work, gitEnvironment(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before := gitCommand(t, f.path(), "ls-tree", "-r", "main")
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a/b/x.yaml": "2\n", "a/run": "2\n"})
	if _, err := f.remote.Push(t.Context(), git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}); err != nil {
		t.Fatal(err)
	}
	one, two := blobName(t, "1\n"), blobName(t, "2\n")
	want := before
	for _, path := range []string{"a/b/x.yaml", "a/run"} {
		want = strings.Replace(want, one+"\t"+path, two+"\t"+path, 1)
	}
	if diff := cmp.Diff(want, gitCommand(t, f.path(), "ls-tree", "-r", "main")); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	for _, path := range []string{"a/link", "a/sub", "a/b", "none", "a/run/x"} {
		if _, err := commit.Draft(t.Context(), map[string][]byte{path: nil}, git.DraftOptions{}); !errors.Is(err, git.ErrNotFound) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if _, err := commit.Draft(t.Context(), map[string][]byte{"a/run": []byte("1\n")}, git.DraftOptions{}); !errors.Is(err, git.ErrUnchanged) {
		t.Errorf("same content: got %v", err)
	}
}

func blobName(t *testing.T, content string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "hash-object", "--stdin")
	cmd.Env = gitEnvironment(t)
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestPushMoved(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a": "2"})
	push := git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}

	theirs := f.commit(t, "main", "theirs", map[string]string{"a": "3"})
	if _, err := f.remote.Push(t.Context(), push); !errors.Is(err, git.ErrNonFastForward) {
		t.Errorf("moved branch: got %v", err)
	}
	if f.head(t, "main") != theirs {
		t.Error("somebody else's work is lost")
	}
	push.Ref = "refs/heads/gone"
	if _, err := f.remote.Push(t.Context(), push); !errors.Is(err, git.ErrNonFastForward) {
		t.Errorf("deleted branch: got %v", err)
	}
	push.Ref, push.Old = main, git.Hash{}
	if _, err := f.remote.Push(t.Context(), push); !errors.Is(err, git.ErrNonFastForward) {
		t.Errorf("branch that should not exist: got %v", err)
	}
	push.Ref = "refs/heads/new"
	if _, err := f.remote.Push(t.Context(), push); err != nil || f.head(t, "new") != d.Hash.String() {
		t.Errorf("new branch: %v", err)
	}
	f.traffic.take()
	if _, err := f.remote.Push(t.Context(), push); err != nil {
		t.Errorf("the same push again: %v", err)
	}
	if requests, _ := f.traffic.take(); len(requests) != 1 {
		t.Errorf("requests of a push that has arrived: %v", requests)
	}
	for _, ref := range []string{"main", "refs/heads/a b", "refs/heads/a\nb"} {
		if _, err := f.remote.Push(t.Context(), git.Push{Ref: ref}); err == nil {
			t.Errorf("%q was taken for a reference", ref)
		}
	}
}

// The winner of a race between looking and pushing is found out afterwards.
func TestPushRace(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a": "2"})
	other := draft(t, commit, map[string]string{"a": "3"})
	if _, err := f.remote.Push(t.Context(), git.Push{Ref: "refs/heads/aside", New: other.Hash, Draft: other}); err != nil {
		t.Fatal(err)
	}
	hook(t, f, "pre-receive", "git update-ref refs/heads/main "+other.Hash.String())
	_, err := f.remote.Push(t.Context(), git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d})
	if !errors.Is(err, git.ErrNonFastForward) || f.head(t, "main") != other.Hash.String() {
		t.Errorf("got %v, main at %s", err, f.head(t, "main"))
	}
}

// hook installs a hook that runs the script with everything of the repository allowed.
func hook(t *testing.T, f *fixture, name, script string) {
	t.Helper()
	path := filepath.Join(f.path(), "hooks", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\nunset GIT_QUARANTINE_PATH\n" + script + "\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestPushRefused(t *testing.T) {
	for _, scheme := range []string{"HTTP", "SSH"} {
		t.Run(scheme, func(t *testing.T) {
			f := newFixture(t)
			if scheme == "SSH" {
				address, hosts := f.server.SSH(t)
				f.remote = remote(t, address+"/"+repoPath, git.Credentials{Identity: testkit.NewIdentity(t, ""), KnownHosts: hosts})
			}
			f.commit(t, "main", "first", map[string]string{"a": "1"})
			_, commit := f.fetch(t, git.Reference{Branch: "main"})
			d := draft(t, commit, map[string]string{"a": "2"})
			push := git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}
			hook(t, f, "pre-receive", "echo 'main is protected https://u:hunter2@host/' >&2; exit 1")
			_, err := f.remote.Push(t.Context(), push)
			if !errors.Is(err, git.ErrRejected) || !strings.Contains(fmt.Sprint(err), "main is protected") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
			if f.head(t, "main") != commit.Hash.String() {
				t.Error("main has moved")
			}
			hook(t, f, "pre-receive", "exit 0")
			if _, err := f.remote.Push(t.Context(), push); err != nil || f.head(t, "main") != d.Hash.String() {
				t.Errorf("allowed push: %v", err)
			}
		})
	}
}

func TestPushOptions(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a": "2"})
	push := git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d, Options: map[string]string{"merge_request.create": "true", "ci.skip": "1"}}
	pushed, err := f.remote.Push(t.Context(), push)
	if err != nil || !pushed.OptionsDropped {
		t.Errorf("a server without options: %+v, %v", pushed, err)
	}
	gitCommand(t, f.path(), "config", "receive.advertisePushOptions", "true")
	hook(t, f, "pre-receive", `echo "$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1" >options`)
	push.Ref, push.Old = "refs/heads/other", git.Hash{}
	pushed, err = f.remote.Push(t.Context(), push)
	if err != nil || pushed.OptionsDropped {
		t.Fatalf("a server with options: %+v, %v", pushed, err)
	}
	got, err := os.ReadFile(filepath.Join(f.path(), "options"))
	if err != nil || string(got) != "2 ci.skip=1 merge_request.create=true\n" {
		t.Errorf("options %q, %v", got, err)
	}
	push.Options = map[string]string{"a": "b\nc"}
	if _, err := f.remote.Push(t.Context(), push); err == nil {
		t.Error("an option of two lines was sent")
	}
}

// A push whose answer is lost is looked for before it counts as failed.
func TestPushAnswerLost(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a": "2"})
	hook(t, f, "post-receive", "while [ ! -e release ]; do sleep 0.02; done")
	defer func() { _ = os.WriteFile(filepath.Join(f.path(), "release"), nil, 0o600) }()
	ctx, cancel := context.WithCancelCause(t.Context())
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel(nil)
	watcher.Go(func() {
		for ctx.Err() == nil {
			out, err := exec.CommandContext(ctx, "git", "-C", f.path(), "rev-parse", "main").Output()
			if err == nil && strings.TrimSpace(string(out)) == d.Hash.String() {
				cancel(errors.New("out of patience"))
			}
		}
	})
	if _, err := f.remote.Push(ctx, git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPushRights(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a": "2"})
	private := testkit.NewGitServer(t)
	private.Auth("user", "secret")
	private.Repository(t, repoPath)
	private.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	address := private.HTTP(t) + "/" + repoPath
	push := git.Push{Ref: "refs/heads/new", New: d.Hash, Draft: d}
	if _, err := remote(t, address, git.Credentials{}).Push(t.Context(), push); err == nil || !strings.Contains(err.Error(), "authentication required") {
		t.Errorf("anonymous: got %v", err)
	}
	r := remote(t, address, git.Credentials{Username: "user", Password: "secret"})
	mirror, err := git.OpenMirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer mirror.Close()
	target, err := mirror.Resolve(t.Context(), r, git.Reference{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if commit, err = mirror.Fetch(t.Context(), r, target); err != nil {
		t.Fatal(err)
	}
	d = draft(t, commit, map[string]string{"a": "2"})
	if _, err := r.Push(t.Context(), git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}); err != nil {
		t.Errorf("with a password: %v", err)
	}
}

func TestIsAncestor(t *testing.T) {
	f := newFixture(t)
	var all []string
	for i := range 80 {
		all = append(all, f.commit(t, "main", "next", map[string]string{"a": fmt.Sprint(i)}))
	}
	stranger := f.commit(t, "other", "stranger", map[string]string{"a": "x"})
	target, _ := f.fetch(t, git.Reference{Branch: "main"})
	listing, err := f.remote.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for commit, want := range map[string]bool{all[79]: true, all[70]: true, all[0]: true, stranger: false} {
		got, err := f.mirror.IsAncestor(t.Context(), f.remote, listing, hash(commit), target)
		if err != nil || got != want {
			t.Errorf("%d: got %t, %v", slices.Index(all, commit), got, err)
		}
	}
	// The deeper mirror is as good as before.
	f.commit(t, "main", "last", map[string]string{"a": "last"})
	f.reopen(t)
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	checkFiles(t, map[string]string{"a": "last"}, commit)
}

func hash(text string) git.Hash {
	var h git.Hash
	b, _ := hex.DecodeString(text)
	copy(h[:], b)
	return h
}

func TestRefspec(t *testing.T) {
	cases := map[string]struct {
		reason, spec, ref, want string
		force, bad              bool
	}{
		"Full":       {reason: "Full names.", spec: "refs/heads/main:refs/heads/mirror", ref: main, want: "refs/heads/mirror"},
		"Short":      {reason: "Short names are branches.", spec: "main:mirror", ref: main, want: "refs/heads/mirror"},
		"Review":     {reason: "HEAD is what was made.", spec: "HEAD:refs/for/main", ref: "HEAD", want: "refs/for/main"},
		"Wildcard":   {reason: "A pattern.", spec: "refs/heads/*:refs/copies/*", ref: main, want: "refs/copies/main"},
		"Force":      {reason: "A plus sign.", spec: "+main:mirror", ref: main, want: "refs/heads/mirror", force: true},
		"Other":      {reason: "Another reference.", spec: "other:mirror", ref: main},
		"Nothing":    {reason: "No destination.", spec: "main:", bad: true},
		"Deletion":   {reason: "No source.", spec: ":main", bad: true},
		"NoColon":    {reason: "One name.", spec: "main", bad: true},
		"Colons":     {reason: "Three names.", spec: "a:b:c", bad: true},
		"Characters": {reason: "Characters that no name has.", spec: "a b:c", bad: true},
		"Wildcards":  {reason: "A pattern on one side.", spec: "refs/heads/*:refs/heads/x", bad: true},
		"Empty":      {reason: "Nothing at all.", spec: "", bad: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec, err := git.ParseRefspec(tc.spec)
			if (err != nil) != tc.bad || err != nil && !errors.Is(err, git.ErrRefspec) {
				t.Fatalf("%s\ngot %v", tc.reason, err)
			}
			if tc.bad {
				return
			}
			if got, _ := spec.Destination(tc.ref); got != tc.want || spec.Force != tc.force {
				t.Errorf("%s\ngot %q", tc.reason, got)
			}
		})
	}
}

func FuzzParseRefspec(f *testing.F) {
	f.Add("main:mirror", "refs/heads/main")
	f.Add("+refs/heads/*:refs/x/*", "refs/heads/a")
	f.Fuzz(func(t *testing.T, text, ref string) {
		spec, err := git.ParseRefspec(text)
		if err != nil {
			return
		}
		if to, ok := spec.Destination(ref); ok && to == "" {
			t.Error("a destination without a name")
		}
	})
}
