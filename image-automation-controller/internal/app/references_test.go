// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// The full name of the branch is as good as the short one. Flux: image-automation-controller contract, "Source resolution".
func TestNamedBranch(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Checkout = &imagev1.GitCheckoutSpec{Reference: sourcev1.GitRepositoryRef{Branch: "main", Name: "refs/heads/main"}}
	})
	o := f.applied("apps", "2")
	if f.file("main", "web.yaml") != f.deployment("2") || o.Status.ObservedSourceRevision != "refs/heads/main@sha1:"+f.head("main").Hash.String() {
		t.Errorf("status: %+v", o.Status)
	}
	f.policy("web", "o/web", "3")
	f.applied("apps", "3")
	if got := f.messages("main"); len(got) != 3 {
		t.Errorf("commits: %q", got)
	}
}

// Markers of a policy that goes are left alone, and what was seen of it is forgotten; when it is back it steers again.
func TestPolicyDeleted(t *testing.T) {
	f := newFixture(t)
	other := strings.ReplaceAll(f.deployment("1"), ":web\"", ":other\"")
	f.commit("first", map[string]string{"web.yaml": f.deployment("1"), "other.yaml": other})
	f.source()
	f.policy("web", "o/web", "2")
	f.policy("other", "o/web", "2")
	f.automation("apps")
	f.applied("apps", "2")
	f.drop(&imagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "other"}})
	// The end of a policy starts no run, so nothing tells when the controller has learned of it but a run that does not see it.
	testkit.Eventually(t, "a run without the policy", func() bool { return len(f.request().Status.ObservedPolicies) == 1 })
	human := strings.ReplaceAll(other, "o/web:1", "o/web:0")
	f.commit("human", map[string]string{"web.yaml": f.deployment("1"), "other.yaml": human})
	o := f.request()
	if f.file("main", "web.yaml") != f.deployment("2") || f.file("main", "other.yaml") != human {
		t.Errorf("manifests: %q, %q", f.file("main", "web.yaml"), f.file("main", "other.yaml"))
	}
	if diff := cmp.Diff(imagev1.ObservedPolicies{"web": {Name: "o/web", Tag: "2"}}, o.Status.ObservedPolicies); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	f.policy("other", "o/web", "3")
	f.wait("apps", "the policy", func(o *imagev1.ImageUpdateAutomation) bool { return o.Status.ObservedPolicies["other"].Tag == "3" })
	if got := f.file("main", "other.yaml"); got != strings.ReplaceAll(other, "o/web:1", "o/web:3") {
		t.Errorf("manifest: %q", got)
	}
}

// Another URL of the source is another repository, at once. Flux: image-automation-controller contract, "Automation", last row.
func TestSourceEdited(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	other := f.server.Commit(t, "other.git", "main", "other", map[string]string{"web.yaml": f.deployment("0")})
	source := f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps")
	f.applied("apps", "2")
	amend(f, source, func(o *sourcev1.GitRepository) { o.Spec.URL = strings.Replace(o.Spec.URL, "fleet", "other", 1) })
	o := f.wait("apps", "the other repository", func(o *imagev1.ImageUpdateAutomation) bool {
		return o.Status.LastPushCommit != f.head("main").Hash.String()
	})
	ref, err := f.server.Repository(t, "other.git").Reference("refs/heads/main", true)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := f.server.Repository(t, "other.git").CommitObject(ref.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if o.Status.LastPushCommit != ref.Hash().String() || commit.ParentHashes[0].String() != other {
		t.Errorf("status: %+v", o.Status)
	}
	if got := f.messages("main"); len(got) != 2 {
		t.Errorf("commits in the first repository: %q", got)
	}
}
