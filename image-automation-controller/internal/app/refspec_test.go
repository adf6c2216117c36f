// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// secondPush has something happen in place of each push that follows the first one.
func (f *fixture) secondPush(instead func()) {
	var pushes atomic.Int32
	f.server.Intercept(func(r *http.Request, serve func()) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "git-receive-pack") && pushes.Add(1) > 1 {
			instead()
			return
		}
		serve()
	})
}

// A process that ends between the push of the branch and that to the refspec, which has failed or was not answered, leaves the second to the next one,
// which makes no second commit.
func TestRefspecAfterRestart(t *testing.T) {
	cases := map[string]struct {
		reason  string
		refspec string
		branch  string
		// end has the first process end.
		end func(t *testing.T, f *fixture)
	}{
		"Killed":       {"The process ends during the second push.", "refs/heads/main:refs/heads/mirror", "main", killed},
		"KilledBranch": {"Also where the branch is another one than what is checked out.", "refs/heads/auto:refs/heads/mirror", "auto", killed},
		"Refused":      {"The server refuses the second push, and then the process ends.", "HEAD:refs/heads/mirror", "main", refused},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
			f.source()
			f.policy("web", "o/web", "1")
			f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
				o.Spec.GitSpec.Push = &imagev1.PushSpec{Branch: tc.branch, Refspec: tc.refspec}
			})
			f.applied("apps", "1")
			tc.end(t, f)
			made := f.head(tc.branch)
			if made == nil || made.Hash.String() == first || f.head("mirror") != nil || f.get().Status.LastPushCommit != "" {
				t.Fatalf("%s\nthe first process has made %v, mirror at %v: %v", tc.reason, made, f.head("mirror"), conditionsOf(f.get()))
			}

			f.start()
			o := f.applied("apps", "2")
			if mirror := f.head("mirror"); mirror == nil || mirror.Hash != made.Hash || o.Status.LastPushCommit != made.Hash.String() {
				t.Errorf("%s\nmirror at %v, status %+v", tc.reason, mirror, o.Status)
			}
			if diff := cmp.Diff([]string{imagev1.DefaultCommitMessage, "first"}, f.messages(tc.branch)); diff != "" {
				t.Errorf("%s\ncommits (-want +got):\n%s", tc.reason, diff)
			}
			f.events.Wait(t, func(e eventv1.Event) bool {
				return e.Severity == "info" && e.Message == "pushed commit '"+made.Hash.String()[:7]+"' to branch '"+tc.branch+"' and refspecs '"+tc.refspec+"'\n"+imagev1.DefaultCommitMessage
			})

			// What was pushed and then removed, as a branch that was merged, does not come back with the next process.
			f.stop()
			if err := f.repository().Storer.RemoveReference("refs/heads/mirror"); err != nil {
				t.Fatal(err)
			}
			f.start()
			f.request()
			if f.head("mirror") != nil {
				t.Errorf("%s\nthe reference came back", tc.reason)
			}
		})
	}
}

// killed ends the process when the second push comes in, which is never answered.
func killed(_ *testing.T, f *fixture) {
	f.t.Helper()
	ended := make(chan struct{})
	f.secondPush(func() {
		f.server.Intercept(nil)
		go func() { f.stop(); close(ended) }()
		<-ended
	})
	f.policy("web", "o/web", "2")
	<-ended
}

// refused ends the process after the second push has failed.
func refused(_ *testing.T, f *fixture) {
	f.t.Helper()
	f.secondPush(func() {}) // an answer, but none that a Git server gives
	f.policy("web", "o/web", "2")
	f.wait("apps", "the failure", func(o *imagev1.ImageUpdateAutomation) bool {
		return conditions.GetReason(o, meta.ReadyCondition) == imagev1.GitOperationFailedReason
	})
	f.stop()
	f.server.Intercept(nil)
}

// Commits of people wait for the next change before they go to the refspec, also when the process is a new one.
func TestRefspecOfHumans(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Push = &imagev1.PushSpec{Refspec: "main:mirror"}
	})
	f.applied("apps", "2")
	made := f.head("mirror")
	human := f.commit("human", map[string]string{"web.yaml": f.deployment("2"), "new": "x"})
	f.stop()
	f.start()
	f.request()
	if got := f.head("mirror"); made == nil || got.Hash != made.Hash {
		t.Errorf("mirror at %v, made %v", got, made)
	}
	f.policy("web", "o/web", "3")
	f.applied("apps", "3")
	if got := f.head("mirror"); got.Hash != f.head("main").Hash || got.ParentHashes[0].String() != human {
		t.Errorf("mirror at %v", got)
	}
}

// What another automation has committed by the same author is not owed either, also not to a new process.
func TestRefspecOfOthers(t *testing.T) {
	cases := map[string]struct {
		reason string
		// source edits the GitRepository of the other automation.
		source func(f *fixture, o *sourcev1.GitRepository)
		// told says that the status of the other one knows its commit.
		told bool
	}{
		"Told": {
			reason: "The status of the other one knows the commit, and the URL does not tell that the repository is the same.",
			source: func(f *fixture, o *sourcev1.GitRepository) {
				o.Spec.URL = strings.Replace(f.gitURL, "127.0.0.1", "localhost", 1)
			},
			told: true,
		},
		"SameBranch": {
			reason: "The other one was killed before it could tell, and pushes to the same branch.",
			source: func(*fixture, *sourcev1.GitRepository) {},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			api := strings.ReplaceAll(f.deployment("1"), ":web\"", ":api\"")
			f.commit("first", map[string]string{"web.yaml": f.deployment("1"), "api.yaml": api})
			f.source()
			f.source(func(o *sourcev1.GitRepository) { o.Name = "other"; tc.source(f, o) })
			f.policy("web", "o/web", "2")
			f.policy("api", "o/web", "1")
			f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
				o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: "web.yaml"}
				o.Spec.GitSpec.Push = &imagev1.PushSpec{Refspec: "main:mirror"}
			})
			f.applied("apps", "2")
			f.automation("other", func(o *imagev1.ImageUpdateAutomation) {
				o.Spec.SourceRef.Name = "other"
				o.Spec.Update = &imagev1.UpdateStrategy{Strategy: imagev1.UpdateStrategySetters, Path: "api.yaml"}
			})
			f.applied("other", "2")
			f.policy("api", "o/web", "2")
			other := f.wait("other", "its commit", func(o *imagev1.ImageUpdateAutomation) bool {
				return o.Status.ObservedPolicies["api"].Tag == "2" && conditions.IsReady(o)
			})
			made, theirs := f.head("mirror").Hash.String(), f.head("main").Hash.String()
			if made == theirs || other.Status.LastPushCommit != theirs {
				t.Fatalf("%s\nmirror at %s, main at %s, status %+v", tc.reason, made, theirs, other.Status)
			}

			f.stop()
			if !tc.told {
				f.automations.Report(t, other, func(o *imagev1.ImageUpdateAutomation) { o.Status.LastPushCommit = made })
			}
			f.start()
			o := f.request()
			if got := f.head("mirror").Hash.String(); got != made || o.Status.LastPushCommit != made {
				t.Errorf("%s\nmirror at %s, made %s, status %+v", tc.reason, got, made, o.Status)
			}
		})
	}
}

// Who goes on after a suspension is no new process: what looks like a commit of its own, and was made by somebody else, is not owed.
func TestRefspecAfterSuspension(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Commit.Author = imagev1.CommitUser{Name: "test", Email: "test@example.com"} // that of f.commit
		o.Spec.GitSpec.Push = &imagev1.PushSpec{Refspec: "main:mirror"}
	})
	f.applied("apps", "2")
	made := f.head("mirror").Hash
	// The finalizer is back as soon as a run has seen the suspension.
	f.change(func(o *imagev1.ImageUpdateAutomation) { o.Spec.Suspend, o.Finalizers = true, nil })
	f.wait("apps", "the finalizer", func(o *imagev1.ImageUpdateAutomation) bool { return len(o.Finalizers) > 0 })
	f.commit("human", map[string]string{"web.yaml": f.deployment("2"), "new": "x"})
	f.change(func(o *imagev1.ImageUpdateAutomation) { o.Spec.Suspend = false })
	if f.request(); f.head("mirror").Hash != made {
		t.Errorf("mirror at %v, made %v", f.head("mirror").Hash, made)
	}
}

// A commit by the author that is older than the last push, as after somebody has moved the branch back, is not owed.
func TestRefspecOfThePast(t *testing.T) {
	f := newFixture(t)
	f.commit("first", map[string]string{"web.yaml": f.deployment("1")})
	f.source()
	f.policy("web", "o/web", "2")
	f.automation("apps", func(o *imagev1.ImageUpdateAutomation) {
		o.Spec.GitSpec.Commit.Author = imagev1.CommitUser{Name: "test", Email: "test@example.com"} // that of f.commit
		o.Spec.GitSpec.Push = &imagev1.PushSpec{Refspec: "+main:mirror"}
	})
	o := f.applied("apps", "2")
	made := f.head("mirror").Hash
	f.commit("old", map[string]string{"web.yaml": f.deployment("2"), "new": "x"})
	f.stop()
	f.automations.Report(t, o, func(o *imagev1.ImageUpdateAutomation) {
		o.Status.LastPushTime = new(metav1.NewTime(time.Now().Add(time.Hour)))
	})
	f.start()
	if f.request(); f.head("mirror").Hash != made {
		t.Errorf("mirror at %v, made %v", f.head("mirror").Hash, made)
	}
}
