// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestFind(t *testing.T) {
	f := newFixture(t)
	link := testkit.LinkTo
	f.commit(t, "main", "links", map[string]string{
		"a/real.yaml":     "real",
		"a/b/deep.yaml":   "deep",
		"a/file":          link("real.yaml"),
		"a/up":            link("../a/./b//deep.yaml"),
		"a/chain":         link("file"),
		"a/parent":        link(".."),
		"a/b/out":         link("../../../a/real.yaml"),
		"dir":             link("a/b"),
		"dir2":            link("dir"),
		"real-up":         link("dir/../real.yaml"),
		"slash":           link("a/real.yaml/"),
		"absolute":        link("/a/real.yaml"),
		"passwd":          link("/etc/passwd"),
		"dangling":        link("a/none"),
		"empty":           link(""),
		"zero":            link("a/real.yaml\x00"),
		"long":            link(strings.Repeat("./", 4096) + "a/real.yaml"),
		"self":            link("self"),
		"ping":            link("pong"),
		"pong":            link("ping"),
		"config":          link(".git/config"),
		"through-file":    link("a/real.yaml/../real.yaml"),
		"out-and-in":      link("../app/a/real.yaml"),
		"root":            link("."),
		"spaces in names": link("a/real.yaml"),
	})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	cases := map[string]struct {
		reason, path string
		want         string // empty: ErrNotFound
	}{
		"Root":        {"The root is there.", ".", "dir ."},
		"Empty":       {"By any name.", "", "dir ."},
		"File":        {"A file.", "a/real.yaml", "file a/real.yaml"},
		"Directory":   {"A directory, however it is written.", "./a//b/", "dir a/b"},
		"Link":        {"A link to a file.", "a/file", "file a/real.yaml"},
		"Up":          {"A link that goes up and stays inside.", "a/up", "file a/b/deep.yaml"},
		"Chain":       {"A link to a link.", "a/chain", "file a/real.yaml"},
		"Through":     {"A link to a directory on the way.", "dir2/deep.yaml", "file a/b/deep.yaml"},
		"DirLink":     {"Or at the end.", "dir2", "dir a/b"},
		"RealUp":      {"Up from where a link leads, not from where it is.", "real-up", "file a/real.yaml"},
		"RootLink":    {"A link to the root.", "root/a/real.yaml", "file a/real.yaml"},
		"Parent":      {"Also from below.", "a/parent/a/b", "dir a/b"},
		"Blanks":      {"Names are taken as they are.", "spaces in names", "file a/real.yaml"},
		"Outside":     {"A path cannot leave the repository.", "../../a/real.yaml", "file a/real.yaml"},
		"None":        {"Nothing.", "none", ""},
		"BelowFile":   {"Nothing is below a file.", "a/real.yaml/x", ""},
		"Slash":       {"Nor is a file a directory.", "slash", ""},
		"ThroughFile": {"Also when the way goes back.", "through-file", ""},
		"Out":         {"A link that leads out.", "a/b/out", ""},
		"OutAndIn":    {"Nobody knows what the repository is called.", "out-and-in", ""},
		"Absolute":    {"The root of a link is that of the machine.", "absolute", ""},
		"Passwd":      {"Which is none of ours.", "passwd", ""},
		"Dangling":    {"A link to nothing.", "dangling", ""},
		"EmptyLink":   {"Or without a target.", "empty", ""},
		"Zero":        {"Or one that no path can be.", "zero", ""},
		"Long":        {"Or too long to be one.", "long", ""},
		"Self":        {"A circle.", "self", ""},
		"PingPong":    {"A larger one.", "ping", ""},
		"Config":      {"Git's own files are none of the repository.", "config", ""},
		"Git":         {"Whoever asks.", ".GIT/config", ""},
	}
	finder := commit.Finder()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, finder := range []*git.Finder{finder, commit.Finder()} {
				got, err := finder.Find(t.Context(), tc.path)
				if tc.want == "" {
					if !errors.Is(err, git.ErrNotFound) {
						t.Errorf("%s\ngot %v, %v", tc.reason, got, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s\n%v", tc.reason, err)
				}
				if text := []string{"file ", "exec ", "dir "}[got.Mode] + got.Path; text != tc.want || got.Hash.IsZero() {
					t.Errorf("%s\ngot %s %s, want %s", tc.reason, text, got.Hash, tc.want)
				}
			}
		})
	}
}

// Links are yielded only to those who ask for them.
func TestEntriesAndLinks(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "links", map[string]string{"a/x": "x", "a/y": testkit.LinkTo("x"), "b": testkit.LinkTo("a")})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	var got []string
	for e, err := range commit.EntriesAndLinks(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Path, " ", e.Link))
	}
	if diff := cmp.Diff([]string{"a false", "a/x false", "a/y true", "b true"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if files, err := walk(t, commit); err != nil || cmp.Diff([]string{"dir a", "file a/x"}, files) != "" {
		t.Errorf("without links: %q, %v", files, err)
	}
}

// What a submodule has is not in the repository.
func TestFindInSubmodule(t *testing.T) {
	f := newFixture(t)
	f.commitTree(t, []object.TreeEntry{
		{Name: "l", Mode: filemode.Symlink, Hash: f.blob(t, "m/x")},
		{Name: "m", Mode: filemode.Submodule, Hash: plumbing.NewHash("0123456789012345678901234567890123456789")},
	})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	for path, itself := range map[string]bool{"m": true, "m/x": false, "l": false} {
		got, err := commit.Finder().Find(t.Context(), path)
		if !errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrSubmodule) != itself {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}
