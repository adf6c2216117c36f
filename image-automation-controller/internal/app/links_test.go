// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// A link is edited where it leads, once, as long as that is in the repository. Flux: image-automation-controller contract, "Files visited".
func TestLinks(t *testing.T) {
	f := newFixture(t)
	web, link := f.deployment("1"), testkit.LinkTo
	files := map[string]string{
		// Beside its target, before and after it in the alphabet.
		"apps/a.yaml":    link("web.yaml"),
		"apps/web.yaml":  web,
		"apps/z.yaml":    link("web.yaml"),
		"apps/linked":    link("../shared"),
		"apps/text.yaml": link("notes.txt"),
		"apps/notes.txt": web,
		"apps/link.txt":  link("../shared/other.yaml"),
		// Outside of the path, three times, once by way of a directory that is a link.
		"apps/b/one.yaml":    link("../../shared/base.yaml"),
		"apps/b/two.yml":     link("one.yaml"),
		"apps/three.yaml":    link("linked/base.yaml"),
		"shared/base.yaml":   web,
		"shared/other.yaml":  web,
		"apps/circle.yaml":   link("circle.yaml"),
		"apps/dangling.yaml": link("none.yaml"),
		"apps/passwd.yaml":   link("/etc/passwd"),
		"apps/out.yaml":      link("../../fleet/shared/other.yaml"),
		"apps/dir.yaml":      link("../shared"),
		"apps/git.yaml":      link("../.git/config"),
		"current":            link("apps"),
		"one.yaml":           link("shared/other.yaml"),
		"elsewhere":          link("../elsewhere"),
	}
	f.commit("first", files)
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: "./current"}
		o.Spec.GitSpec.Commit.MessageTemplate = "{{ range $f, $_ := .Changed.FileChanges }}{{ $f }} {{ end }}"
	})
	f.applied("apps", "2")
	if diff := cmp.Diff([]string{"b/one.yaml text.yaml web.yaml ", "first"}, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
	for path, content := range files {
		want, mode := content, filemode.Regular
		if target, ok := strings.CutPrefix(content, testkit.LinkTo("")); ok {
			want, mode = target, filemode.Symlink
		}
		switch path {
		case "apps/web.yaml", "apps/notes.txt", "shared/base.yaml":
			want = f.deployment("2")
		}
		entry, err := f.head("main").Tree()
		if err != nil {
			t.Fatal(err)
		}
		if e, err := entry.FindEntry(path); err != nil || e.Mode != mode || f.file("main", path) != want {
			t.Errorf("%s: %v, %q, %v", path, e, f.file("main", path), err)
		}
	}
	before := f.head("main").Hash
	f.request()
	if f.head("main").Hash != before {
		t.Error("a second commit for the same change")
	}

	// A path that is a link to a file.
	f.change(func(o *imagev1.ImageUpdateAutomation) { o.Spec.Update.Path = "one.yaml" })
	f.wait("apps", "the run", func(o *imagev1.ImageUpdateAutomation) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
	if got := f.messages("main"); len(got) != 3 || got[0] != "one.yaml " || f.file("main", "shared/other.yaml") != f.deployment("2") {
		t.Errorf("commits: %q", got)
	}

	// A path that leads out.
	f.change(func(o *imagev1.ImageUpdateAutomation) { o.Spec.Update.Path = "elsewhere" })
	o := f.wait("apps", "the failure", func(o *imagev1.ImageUpdateAutomation) bool {
		return conditions.GetReason(o, meta.ReadyCondition) == imagev1.UpdateFailedReason
	})
	if got := conditions.GetMessage(o, meta.ReadyCondition); !strings.Contains(got, "elsewhere: no such file or directory in the repository") {
		t.Errorf("message: %q", got)
	}
}

// A path that is a submodule is an empty directory, as in a checkout, and nothing changes.
func TestPathOfSubmodule(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.submodule("vendor")
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: "./vendor"}
	})
	f.applied("apps", "2")
	if diff := cmp.Diff([]string{"submodule", "first"}, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
}

// submodule commits a submodule beside what there is.
func (f *fixture) submodule(name string) {
	f.t.Helper()
	repo := f.repository()
	put := func(o object.Object) plumbing.Hash {
		encoded := repo.Storer.NewEncodedObject()
		if err := o.Encode(encoded); err != nil {
			f.t.Fatal(err)
		}
		h, err := repo.Storer.SetEncodedObject(encoded)
		if err != nil {
			f.t.Fatal(err)
		}
		return h
	}
	head := f.head("main")
	tree, err := head.Tree()
	if err != nil {
		f.t.Fatal(err)
	}
	entries := append(slices.Clone(tree.Entries), object.TreeEntry{Name: name, Mode: filemode.Submodule, Hash: head.Hash})
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(a.Name, b.Name) })
	commit := put(&object.Commit{
		Message: "submodule", TreeHash: put(&object.Tree{Entries: entries}), ParentHashes: []plumbing.Hash{head.Hash},
		Author: head.Author, Committer: head.Committer,
	})
	if err := repo.Storer.SetReference(plumbing.NewHashReference("refs/heads/main", commit)); err != nil {
		f.t.Fatal(err)
	}
}
