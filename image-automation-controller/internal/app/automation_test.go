// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// The rows of the contract's table. Flux: image-automation-controller contract, "Automation".
func TestAutomation(t *testing.T) {
	f := newFixture(t)
	first := f.commit("first", map[string]string{"apps/web.yaml": f.deployment("1"), "README.md": "x"})
	f.source()
	f.policy("web", "o/web", "1")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Commit.MessageTemplate = "{{ .AutomationObject.Name }}{{ range .Changed.Changes }} {{ .OldValue }}>{{ .NewValue }}{{ end }}"
	})

	// Everything is in date: nothing is pushed.
	o := f.applied("apps", "1")
	if o.Status.LastPushCommit != "" || o.Status.ObservedSourceRevision != "main@sha1:"+first || o.Status.ObservedPolicies["web"].Tag != "1" {
		t.Errorf("status after the first run: %+v", o.Status)
	}
	if got := conditions.GetMessage(o, meta.ReadyCondition); got != "repository up-to-date" {
		t.Errorf("message %q", got)
	}
	f.settleGit()

	// A policy moves: one commit, one exchange each to look, and to push. The mirror has the rest.
	began := time.Now()
	f.policy("web", "o/web", "2")
	o = f.applied("apps", "2")
	t.Logf("from policy to status: %s", time.Since(began))
	if diff := cmp.Diff([]string{"GET info/refs", "GET info/refs", "POST git-receive-pack"}, f.server.Take()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"apps o/web:1>o/web:2", "first"}, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
	if got := f.file("main", "apps/web.yaml"); got != f.deployment("2") {
		t.Errorf("manifest: %q", got)
	}
	head := f.head("main")
	if head.Author.Name != "Weir" || head.Author.Email != "weir@example.com" || head.Committer.Name != "Weir" {
		t.Errorf("author %v, committer %v", head.Author, head.Committer)
	}
	if o.Status.LastPushCommit != head.Hash.String() || o.Status.ObservedSourceRevision != "main@sha1:"+head.Hash.String() || o.Status.LastPushTime == nil {
		t.Errorf("status after a push: %+v", o.Status)
	}
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Severity == "info" && e.Reason == "Succeeded" && e.ReportingController == name && len(e.Metadata) == 0 &&
			e.Message == "pushed commit '"+head.Hash.String()[:7]+"' to branch 'main'\napps o/web:1>o/web:2"
	})

	// Nothing is new: one listing.
	f.settleGit()
	f.touchSource("main@sha1:" + head.Hash.String())
	testkit.Eventually(t, "the run after the new artifact", func() bool { return len(f.server.Take()) > 0 })
	f.settleGit()
	f.request()
	if diff := cmp.Diff([]string{"GET info/refs"}, f.server.Take()); diff != "" {
		t.Errorf("requests of a run without news (-want +got):\n%s", diff)
	}

	// Somebody moves the field back: it is put right.
	f.commit("human", map[string]string{"apps/web.yaml": f.deployment("1")})
	o = f.request()
	if got := f.file("main", "apps/web.yaml"); got != f.deployment("2") || len(f.messages("main")) != 4 {
		t.Errorf("manifest: %q, commits: %q", got, f.messages("main"))
	}
	if n := len(conditionsOf(o)); n != 1 {
		t.Errorf("conditions: %v", conditionsOf(o))
	}

	// Suspended: nothing happens, and the request is not confirmed.
	f.change(func(o *imagev1.ImageUpdateAutomation) { o.Spec.Suspend = true })
	f.policy("web", "o/web", "3")
	f.change(func(o *imagev1.ImageUpdateAutomation) { o.Spec.Suspend = false })
	f.applied("apps", "3")

	// Deleted: nothing in Git is touched.
	before := f.messages("main")
	if err := f.cluster.Client.Delete(t.Context(), f.get()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the object to go", func() bool {
		var list imagev1.ImageUpdateAutomationList
		return f.cluster.Client.List(t.Context(), &list, client.InNamespace(f.namespace)) == nil && len(list.Items) == 0
	})
	if diff := cmp.Diff(before, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
}

func conditionsOf(o *imagev1.ImageUpdateAutomation) []string {
	var all []string
	for _, c := range o.Status.Conditions {
		all = append(all, fmt.Sprintf("%s %s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return all
}

// touchSource gives the GitRepository an artifact.
func (f *fixture) touchSource(revision string) {
	f.t.Helper()
	repo := &sourcev1.GitRepository{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "fleet"}, repo); err != nil {
		f.t.Fatal(err)
	}
	base := repo.DeepCopy()
	repo.Status.Artifact = &meta.Artifact{
		Path: "x", URL: "http://x/x", Revision: revision, Digest: "sha256:" + strings.Repeat("0", 64), LastUpdateTime: metav1.Now(),
	}
	if err := f.cluster.Client.Status().Patch(f.t.Context(), repo, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

func TestPushBranch(t *testing.T) {
	f := newFixture(t)
	first := f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Push = &imagev1.PushSpec{Branch: "auto", Refspec: "refs/heads/auto:refs/heads/copy"}
	})
	o := f.applied("apps", "2")
	if o.Status.ObservedSourceRevision != "main@sha1:"+first || o.Status.LastPushCommit != f.head("auto").Hash.String() {
		t.Errorf("status: %+v", o.Status)
	}
	if got := f.head("auto").ParentHashes; len(got) != 1 || got[0].String() != first || f.head("main").Hash.String() != first {
		t.Errorf("branch auto begins at %v", got)
	}
	if f.head("copy").Hash != f.head("auto").Hash {
		t.Error("the refspec was not pushed")
	}
	f.events.Wait(t, func(e eventv1.Event) bool {
		return strings.HasPrefix(e.Message, "pushed commit '"+f.head("auto").Hash.String()[:7]+"' to branch 'auto' and refspecs 'refs/heads/auto:refs/heads/copy'\n")
	})

	// The change is not merged: the branch goes on, also where main has moved.
	f.commit("human", map[string]string{"web.yaml": f.deployment("1"), "new": "x"})
	f.policy("web", "o/web", "3")
	f.applied("apps", "3")
	if got := f.messages("auto"); len(got) != 3 || f.file("auto", "new") != "" || f.file("auto", "web.yaml") != f.deployment("3") {
		t.Errorf("commits of auto: %q", got)
	}
	before := f.head("auto").Hash
	f.request()
	if f.head("auto").Hash != before {
		t.Error("a second commit for the same change")
	}

	// The branch is deleted: it is made again from main.
	if err := f.repository().Storer.RemoveReference("refs/heads/auto"); err != nil {
		t.Fatal(err)
	}
	f.request()
	if got := f.messages("auto"); len(got) != 3 || f.file("auto", "new") != "x" || f.file("auto", "web.yaml") != f.deployment("3") {
		t.Errorf("commits of the new auto: %q", got)
	}
	if f.head("copy").Hash != f.head("auto").Hash {
		t.Errorf("copy at %s, conditions: %v", f.head("copy").Hash, conditionsOf(f.get()))
	}
}

// Without GitAllBranchReferences the push branch is made anew from what is checked out, and replaces what was there.
func TestPushBranchRebuilt(t *testing.T) {
	f := newFixture(t, "--feature-gates=GitAllBranchReferences=false")
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) { o.Spec.GitSpec.Push = &imagev1.PushSpec{Branch: "auto"} })
	f.applied("apps", "2")
	second := f.commit("human", map[string]string{"web.yaml": f.deployment("1"), "new": "x"})
	f.request()
	if got := f.head("auto"); got.ParentHashes[0].String() != second || f.file("auto", "web.yaml") != f.deployment("2") {
		t.Errorf("auto: %v", got)
	}
}

// A person who pushes in between loses nothing, and the change is made on top.
func TestHumanPushInBetween(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "1")
	f.automation("apps")
	f.applied("apps", "1")
	var once sync.Once
	f.server.Intercept(func(r *http.Request, serve func()) {
		if r.URL.Query().Get("service") == "git-receive-pack" {
			once.Do(func() {
				f.commit("human", map[string]string{"web.yaml": f.deployment("1"), "new.yaml": f.deployment("0")})
			})
		}
		serve()
	})
	f.policy("web", "o/web", "2")
	f.applied("apps", "2")
	if diff := cmp.Diff([]string{imagev1.DefaultCommitMessage, "human", "first"}, f.messages("main")); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
	if f.file("main", "new.yaml") != f.deployment("2") || f.file("main", "web.yaml") != f.deployment("2") {
		t.Error("the change was not made on what the person pushed")
	}
	for _, e := range f.events.Events() {
		if e.Severity == "error" {
			t.Errorf("a lost race is no failure: %s", e.Message)
		}
	}
}

// Automations that write to one branch at the same moment lose nothing.
func TestOneBranch(t *testing.T) {
	f := newFixture(t)
	const writers = 4
	files := map[string]string{}
	for i := range writers {
		files[fmt.Sprintf("app-%d/web.yaml", i)] = f.deployment("1")
	}
	f.commit("first", files)
	f.source()
	f.policy("web", "o/web", "1")
	for i := range writers {
		f.automation(fmt.Sprintf("app-%d", i), func(o *imagev1.ImageUpdateAutomation) {
			o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: fmt.Sprintf("./app-%d", i)}
			o.Spec.GitSpec.Commit.MessageTemplate = fmt.Sprintf("app-%d {{ range $f, $_ := .Changed.FileChanges }}{{ $f }}{{ end }}", i)
		})
	}
	for i := range writers {
		f.applied(fmt.Sprintf("app-%d", i), "1")
	}
	f.policy("web", "o/web", "2")
	for i := range writers {
		f.applied(fmt.Sprintf("app-%d", i), "2")
	}
	messages := f.messages("main")
	if len(messages) != writers+1 {
		t.Errorf("commits: %q", messages)
	}
	for i := range writers {
		if f.file("main", fmt.Sprintf("app-%d/web.yaml", i)) != f.deployment("2") || !strings.Contains(strings.Join(messages, "\n"), fmt.Sprintf("app-%d web.yaml", i)) {
			t.Errorf("the change of automation %d is lost: %q", i, messages)
		}
	}
	for _, e := range f.events.Events() {
		if e.Severity == "error" {
			t.Errorf("a failure: %s", e.Message)
		}
	}
}

// A process that ends between push and status leaves no second commit behind. Flux: image-automation-controller contract, "Bad input".
func TestEndAfterPush(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "1")
	f.automation("apps")
	f.applied("apps", "1")
	ended := make(chan struct{})
	f.server.Intercept(func(r *http.Request, serve func()) {
		serve()
		if strings.HasSuffix(r.URL.Path, "git-receive-pack") {
			f.server.Intercept(nil)
			go func() { f.stop(); close(ended) }()
			<-r.Context().Done() // the answer never comes
		}
	})
	f.policy("web", "o/web", "2")
	<-ended
	if got := f.get(); got.Status.LastPushCommit != "" || f.file("main", "web.yaml") != f.deployment("2") {
		t.Fatalf("status: %+v", got.Status)
	}
	gone := filepath.Join(f.mirrors, f.namespace, "gone")
	if err := os.MkdirAll(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	f.start()
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the mirror of an object that is gone is still there: %v", err)
	}
	o := f.applied("apps", "2")
	if got := f.messages("main"); len(got) != 2 {
		t.Errorf("commits: %q", got)
	}
	if o.Status.LastPushCommit != "" || o.Status.ObservedSourceRevision != "main@sha1:"+f.head("main").Hash.String() {
		t.Errorf("status: %+v", o.Status)
	}
}

func TestSSH(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	address, hosts := f.server.SSH(t)
	f.cluster.Create(t, testkit.Secret(f.namespace, "key", map[string]string{"identity": string(testkit.NewIdentity(t, "p")), "password": "p", "known_hosts": string(hosts)}))
	f.cluster.Create(t, testkit.Secret(f.namespace, "signing", map[string]string{"identity": string(testkit.NewIdentity(t, ""))}))
	f.source(func(o *sourcev1.GitRepository) {
		o.Spec.URL, o.Spec.SecretRef = address+"/"+repoPath, &meta.LocalObjectReference{Name: "key"}
	})
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Commit.SigningKey = &imagev1.SigningKey{Type: imagev1.SigningKeySSH, SecretRef: meta.LocalObjectReference{Name: "signing"}}
	})
	f.applied("apps", "2")
	if got := f.head("main"); !strings.HasPrefix(got.PGPSignature, "-----BEGIN SSH SIGNATURE-----") || f.file("main", "web.yaml") != f.deployment("2") {
		t.Errorf("commit: %v, signature %q", got, got.PGPSignature)
	}
}

// Only selected policies of the own namespace count.
func TestPolicySelector(t *testing.T) {
	f := newFixture(t)
	other := strings.ReplaceAll(f.deployment("1"), ":web\"", ":other\"")
	f.commit("first", map[string]string{"web.yaml": f.deployment("1"), "other.yaml": other})
	f.source()
	f.policy("web", "o/web", "2")
	f.policy("other", "o/web", "3")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.PolicySelector = &metav1.LabelSelector{MatchLabels: map[string]string{"name": "web"}}
	})
	o := f.applied("apps", "2")
	if f.file("main", "web.yaml") != f.deployment("2") || f.file("main", "other.yaml") != other || len(o.Status.ObservedPolicies) != 1 {
		t.Errorf("status: %+v", o.Status)
	}
}
