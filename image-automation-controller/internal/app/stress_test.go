// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// Automations that reach one branch by different URLs cannot take turns: what one pushes is news to the other. Nothing is lost all the same, and
// nothing is written twice. Flux: image-automation-controller contract, "Automation", two on the same branch.
func TestOneBranchByTwoURLs(t *testing.T) {
	f := newFixture(t)
	const writers, choices = 4, 3
	files := map[string]string{}
	for i := range writers {
		files[fmt.Sprintf("app-%d/web.yaml", i)] = f.deployment("0")
	}
	f.commit("first", files)
	f.source()
	f.source(func(o *sourcev1.GitRepository) {
		o.Name, o.Spec.URL = "other", strings.Replace(f.gitURL, "127.0.0.1", "localhost", 1)
		if o.Spec.URL == f.gitURL {
			t.Fatalf("%s has no other name", f.gitURL)
		}
	})
	f.policy("web", "o/web", "0")
	for i := range writers {
		f.automation(fmt.Sprintf("app-%d", i), func(o *imagev1.ImageUpdateAutomation) {
			o.Spec.SourceRef.Name = []string{"fleet", "other"}[i%2]
			o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: fmt.Sprintf("./app-%d", i)}
		})
	}
	for choice := range choices {
		tag := fmt.Sprint(choice)
		f.policy("web", "o/web", tag)
		for i := range writers {
			f.applied(fmt.Sprintf("app-%d", i), tag)
		}
	}
	if got := f.messages("main"); len(got) != 1+writers*(choices-1) {
		t.Errorf("%d commits: %q", len(got), got)
	}
	for path := range files {
		if got := f.file("main", path); got != f.deployment(fmt.Sprint(choices-1)) {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// Somebody rewrites the branch while the automation knows another history of it, and again between the look and the push.
func TestRewrittenBranch(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1"), "old": "x"})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps")
	f.applied("apps", "2")
	rewrite := func(message string) {
		stranger := f.server.Commit(t, repoPath, message, message, map[string]string{"web.yaml": f.deployment("1"), message: "x"})
		f.server.Point(t, repoPath, plumbing.NewBranchReferenceName("main"), plumbing.NewHash(stranger))
	}
	rewrite("anew")
	f.request()
	if diff := cmp.Diff([]string{imagev1.DefaultCommitMessage, "anew"}, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
	f.beforePush(func() { rewrite("again") })
	f.policy("web", "o/web", "3")
	f.applied("apps", "3")
	if diff := cmp.Diff([]string{imagev1.DefaultCommitMessage, "again"}, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
	if f.file("main", "web.yaml") != f.deployment("3") || f.file("main", "old") != "" {
		t.Errorf("manifest: %q", f.file("main", "web.yaml"))
	}
}

// beforePush has something happen once, between the look of a run and its push.
func (f *fixture) beforePush(happen func()) {
	var once sync.Once
	f.server.Intercept(func(r *http.Request, serve func()) {
		if r.URL.Query().Get("service") == "git-receive-pack" {
			once.Do(happen)
		}
		serve()
	})
}
