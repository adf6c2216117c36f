// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/weir-gitops/weir/kit/git"
)

func TestResolve(t *testing.T) {
	f := newFixture(t)
	first := f.commit(t, "main", "first", map[string]string{"a": "1"})
	second := f.commit(t, "main", "second", map[string]string{"a": "2"})
	other := f.commit(t, "feature/x", "other", map[string]string{"a": "3"})
	for tag, commit := range map[string]string{
		"v1.0.0": first, "1.2.0": second, "v1.3.0-rc.1": other, "v2": other, "light": first, "v1.2.0.1": other,
	} {
		f.server.Tag(t, repoPath, tag, commit)
	}
	repo := f.server.Repository(t, repoPath)
	if _, err := repo.CreateTag("annotated", plumbing.NewHash(second), &gogit.CreateTagOptions{
		Tagger: &object.Signature{Name: "t", Email: "t@example.com", When: time.Unix(1, 0)}, Message: "m",
	}); err != nil {
		t.Fatal(err)
	}
	pull := plumbing.NewHashReference("refs/pull/420/head", plumbing.NewHash(other))
	if err := repo.Storer.SetReference(pull); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		reason   string
		ref      git.Reference
		revision string
		err      error
		mentions string
	}{
		"Branch":           {reason: "A branch is its tip.", ref: git.Reference{Branch: "main"}, revision: "main@sha1:" + second},
		"BranchWithSlash":  {reason: "The slash of a branch stays.", ref: git.Reference{Branch: "feature/x"}, revision: "feature/x@sha1:" + other},
		"DefaultBranch":    {reason: "Without a word the branch is master.", err: git.ErrReference, mentions: "master"},
		"UnknownBranch":    {reason: "An unknown branch is named.", ref: git.Reference{Branch: "gone"}, err: git.ErrReference, mentions: "gone"},
		"LightTag":         {reason: "A lightweight tag is its commit.", ref: git.Reference{Tag: "light"}, revision: "light@sha1:" + first},
		"AnnotatedTag":     {reason: "An annotated tag is the commit it points at.", ref: git.Reference{Tag: "annotated"}, revision: "annotated@sha1:" + second},
		"UnknownTag":       {reason: "An unknown tag is named.", ref: git.Reference{Tag: "gone"}, err: git.ErrReference, mentions: "gone"},
		"SemVer":           {reason: "The highest version wins, with or without v; pre-releases and other forms do not count.", ref: git.Reference{SemVer: ">=1.0.0"}, revision: "1.2.0@sha1:" + second},
		"SemVerPreRelease": {reason: "A constraint that mentions a pre-release allows them.", ref: git.Reference{SemVer: ">=1.0.0-0"}, revision: "v1.3.0-rc.1@sha1:" + other},
		"SemVerNoMatch":    {reason: "No match is an error that names the constraint.", ref: git.Reference{SemVer: ">=3.0.0"}, err: git.ErrReference, mentions: ">=3.0.0"},
		"SemVerInvalid":    {reason: "So is a constraint that does not parse.", ref: git.Reference{SemVer: "not a range"}, err: git.ErrReference, mentions: "not a range"},
		"NameBranch":       {reason: "A full name of a branch.", ref: git.Reference{Name: "refs/heads/main"}, revision: "refs/heads/main@sha1:" + second},
		"NameTag":          {reason: "A full name of a tag is its commit.", ref: git.Reference{Name: "refs/tags/annotated"}, revision: "refs/tags/annotated@sha1:" + second},
		"NamePeeled":       {reason: "The suffix for the commit of a tag is accepted.", ref: git.Reference{Name: "refs/tags/annotated^{}"}, revision: "refs/tags/annotated^{}@sha1:" + second},
		"NamePull":         {reason: "Any other reference will do.", ref: git.Reference{Name: "refs/pull/420/head"}, revision: "refs/pull/420/head@sha1:" + other},
		"NameHead":         {reason: "Even the HEAD of the repository.", ref: git.Reference{Name: "HEAD"}, revision: "HEAD@sha1:" + second},
		"NameSlash":        {reason: "A name does not end in a slash.", ref: git.Reference{Name: "refs/heads/main/"}, err: git.ErrReference, mentions: "refs/heads/main/"},
		"NameUnknown":      {reason: "An unknown name is named.", ref: git.Reference{Name: "refs/pull/1/head"}, err: git.ErrReference, mentions: "refs/pull/1/head"},
		"Commit":           {reason: "A commit alone has no pointer.", ref: git.Reference{Commit: first}, revision: "sha1:" + first},
		"CommitOfBranch":   {reason: "A commit of a branch has.", ref: git.Reference{Commit: first, Branch: "main"}, revision: "main@sha1:" + first},
		"CommitShort":      {reason: "A short hash is ambiguous.", ref: git.Reference{Commit: "abc"}, err: git.ErrReference, mentions: "abc"},
		"Precedence":       {reason: "commit > name > tag > semver > branch.", ref: git.Reference{Branch: "main", Tag: "light", SemVer: "*", Name: "refs/pull/420/head"}, revision: "refs/pull/420/head@sha1:" + other},
		"TagBeforeSemVer":  {reason: "A tag is tried before a range.", ref: git.Reference{Branch: "main", Tag: "light", SemVer: "*"}, revision: "light@sha1:" + first},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.traffic.take()
			target, err := f.mirror.Resolve(t.Context(), f.remote, tc.ref)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s\nerror: got %v, want %v", tc.reason, err, tc.err)
			}
			if err != nil && !strings.Contains(err.Error(), tc.mentions) {
				t.Errorf("%s\nthe error does not mention %q: %v", tc.reason, tc.mentions, err)
			}
			if target.Revision != tc.revision {
				t.Errorf("%s\nrevision: got %q, want %q", tc.reason, target.Revision, tc.revision)
			}
			if requests, _ := f.traffic.take(); len(requests) > 1 {
				t.Errorf("%s\nmore than one listing: %v", tc.reason, requests)
			}
			if err != nil {
				return
			}
			commit, err := f.mirror.Fetch(t.Context(), f.remote, target)
			if err != nil {
				t.Fatalf("%s\nFetch: %v", tc.reason, err)
			}
			if commit.Hash != target.Commit || len(files(t, commit)) != 1 {
				t.Errorf("%s\ncommit %+v is not what was resolved", tc.reason, commit)
			}
		})
	}
}

func TestResolveSemVerTie(t *testing.T) {
	f := newFixture(t)
	old := f.commit(t, "main", "old", map[string]string{"a": "1"})
	repo := f.server.Repository(t, repoPath)
	// Committed in the future, so that the order of tags and of times differ.
	c, err := repo.CommitObject(plumbing.NewHash(old))
	if err != nil {
		t.Fatal(err)
	}
	c.Committer.When = time.Now().Add(time.Hour)
	c.Message = "young"
	encoded := repo.Storer.NewEncodedObject()
	if err := c.Encode(encoded); err != nil {
		t.Fatal(err)
	}
	young, err := repo.Storer.SetEncodedObject(encoded)
	if err != nil {
		t.Fatal(err)
	}
	f.server.Tag(t, repoPath, "v1.0.0+a", young.String())
	f.server.Tag(t, repoPath, "v1.0.0+b", old)

	target, _ := f.fetch(t, git.Reference{SemVer: "1.x"})
	if want := "v1.0.0+a@sha1:" + young.String(); target.Revision != want {
		t.Errorf("equal precedence: got %s, want the younger commit %s", target.Revision, want)
	}
}

func TestResolveEmpty(t *testing.T) {
	f := newFixture(t)
	if _, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Branch: "main"}); !errors.Is(err, git.ErrEmpty) {
		t.Errorf("got %v, want ErrEmpty", err)
	}
}

func TestNormalizeRevision(t *testing.T) {
	hash := strings.Repeat("0a", 20)
	for text, want := range map[string]string{
		"main@sha1:" + hash:  "main@sha1:" + hash,
		"main/" + hash:       "main@sha1:" + hash,
		"feature/x/" + hash:  "feature/x@sha1:" + hash,
		"HEAD/" + hash:       "sha1:" + hash,
		hash:                 "sha1:" + hash,
		"main":               "main",
		"":                   "",
		"x" + hash:           "x" + hash,
		"main/" + hash + "x": "main/" + hash + "x",
	} {
		if got := git.NormalizeRevision(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzNormalizeRevision(f *testing.F) {
	f.Add("main/" + strings.Repeat("0a", 20))
	f.Fuzz(func(t *testing.T, text string) {
		once := git.NormalizeRevision(text)
		if twice := git.NormalizeRevision(once); twice != once {
			t.Fatalf("%q: %q and then %q", text, once, twice)
		}
	})
}
