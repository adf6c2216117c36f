// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
)

// repoPath is the repository of every fixture.
const repoPath = "fleet.git"

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// fixture is a namespace, a Git server with a repository, and a controller that sees only that namespace.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	requests  testkit.Requests
	server    *testkit.GitServer
	gitURL    string
	events    *testkit.EventSink
	namespace string
	storage   string
	mirrors   string
	// unanswered is the number of requests to the Git server without an answer so far.
	unanswered atomic.Int32
	// automations are the ImageUpdateAutomations of the namespace.
	automations testkit.Kind[imagev1.ImageUpdateAutomation, *imagev1.ImageUpdateAutomation]

	stop func()
}

func newFixture(t *testing.T, args ...string) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{
		t: t, cluster: cluster, server: testkit.NewGitServer(t), events: testkit.NewEventSink(t),
		namespace: cluster.Namespace(t, "image"), storage: t.TempDir(), mirrors: t.TempDir(),
	}
	f.automations.Cluster, f.automations.Namespace = f.cluster, f.namespace
	f.server.AddHTTPMiddlewares(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.unanswered.Add(1)
			defer f.unanswered.Add(-1)
			next.ServeHTTP(w, r)
		})
	})
	f.server.Repository(t, repoPath)
	f.gitURL = f.server.HTTP(t) + "/" + repoPath
	f.start(args...)
	return f
}

// start runs a controller until the test ends or f.stop is called.
func (f *fixture) start(more ...string) {
	f.t.Helper()
	f.stop = process.Start(f.t, process.Options{
		Program: Program, Config: f.requests.Count(f.cluster.Config), Namespace: f.namespace, Args: append([]string{
			"--storage-path=" + f.storage, "--git-cache-path=" + f.mirrors, "--events-addr=" + f.events.URL,
			"--min-retry-delay=50ms", "--max-retry-delay=" + longestRetry.String(),
		}, more...),
	}).Stop
}

// commit makes a commit on main.
func (f *fixture) commit(message string, files map[string]string) string {
	f.t.Helper()
	return f.server.Commit(f.t, repoPath, "main", message, files)
}

func (f *fixture) repository() *gogit.Repository {
	f.t.Helper()
	return f.server.Repository(f.t, repoPath)
}

// head returns the commit of a branch, nil if there is no such branch.
func (f *fixture) head(branch string) *object.Commit {
	f.t.Helper()
	ref, err := f.repository().Reference(plumbing.NewBranchReferenceName(branch), true)
	if err != nil {
		return nil
	}
	commit, err := f.repository().CommitObject(ref.Hash())
	if err != nil {
		f.t.Fatal(err)
	}
	return commit
}

// messages returns the messages of the commits of a branch, the latest first.
func (f *fixture) messages(branch string) []string {
	f.t.Helper()
	head := f.head(branch)
	if head == nil {
		return nil
	}
	iter, err := f.repository().Log(&gogit.LogOptions{From: head.Hash})
	if err != nil {
		f.t.Fatal(err)
	}
	var messages []string
	if err := iter.ForEach(func(c *object.Commit) error { messages = append(messages, c.Message); return nil }); err != nil {
		f.t.Fatal(err)
	}
	return messages
}

// file returns the content of a file of a branch.
func (f *fixture) file(branch, path string) string {
	f.t.Helper()
	head := f.head(branch)
	if head == nil {
		return ""
	}
	file, err := head.File(path)
	if err != nil {
		return ""
	}
	content, err := file.Contents()
	if err != nil {
		f.t.Fatal(err)
	}
	return content
}

const (
	// moment is how long nothing may be asked of the Git server for runs to count as over: longer than the longest wait before a run that has failed
	// is tried again, which a run may still do that was started for a second reason.
	moment = 3 * longestRetry / 2
	// momentStep is how long one look at that takes. One that takes much longer does not count: on such a machine what is looked at stands still too.
	momentStep = moment / 10
	// longestRetry is the wait that controllers of tests are given.
	longestRetry = time.Second
)

// settleGit forgets what was asked of the Git server, once nothing has been for a moment: what is recorded from then on belongs to what the test
// does next. A run may have been started by several events, and all but the first look at the remote and find nothing to do.
func (f *fixture) settleGit() {
	f.t.Helper()
	calm := time.Duration(0)
	testkit.Eventually(f.t, "the Git server is left alone", func() bool {
		began := time.Now()
		time.Sleep(momentStep)
		switch pending := f.unanswered.Load(); {
		case len(f.server.Take()) > 0 || pending > 0:
			calm = 0
		case time.Since(began) < 2*momentStep:
			calm += momentStep
		}
		return calm >= moment
	})
}

// source makes the GitRepository "fleet", which names main.
func (f *fixture) source(edit ...func(*sourcev1.GitRepository)) *sourcev1.GitRepository {
	f.t.Helper()
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "fleet"}}
	repo.Spec.URL = f.gitURL
	repo.Spec.Interval.Duration = time.Hour
	repo.Spec.Reference = &sourcev1.GitRepositoryRef{Branch: "main"}
	for _, e := range edit {
		e(repo)
	}
	f.cluster.Create(f.t, repo)
	return repo
}

// policy lets the policy of that name choose an image; it is created when it does not exist.
func (f *fixture) policy(name, image, tag string) {
	f.t.Helper()
	policy := &imagev1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name, Labels: map[string]string{"name": name}}}
	policy.Spec.ImageRepositoryRef.Name = "none"
	policy.Spec.Suspend = true // so that nobody but the test chooses
	policy.Spec.Policy.Alphabetical = &imagev1.AlphabeticalPolicy{}
	of(f, policy).Report(f.t, policy, func(o *imagev1.ImagePolicy) { o.Status.LatestRef = &imagev1.ImageRef{Name: image, Tag: tag} })
}

// automation makes the ImageUpdateAutomation of that name.
func (f *fixture) automation(name string, edit ...func(*imagev1.ImageUpdateAutomation)) *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	o := &imagev1.ImageUpdateAutomation{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	o.Spec.SourceRef.Name, o.Spec.SourceRef.Kind = "fleet", sourcev1.GitRepositoryKind
	o.Spec.Interval.Duration = time.Hour
	o.Spec.GitSpec = &imagev1.GitSpec{Commit: imagev1.CommitSpec{Author: imagev1.CommitUser{Name: "Weir", Email: "weir@example.com"}}}
	for _, e := range edit {
		e(o)
	}
	f.cluster.Create(f.t, o)
	return o
}

// get returns the object "apps".
func (f *fixture) get() *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	return f.automations.Get(f.t, "apps")
}

// change edits the object "apps".
func (f *fixture) change(edit func(*imagev1.ImageUpdateAutomation)) {
	f.t.Helper()
	f.automations.Change(f.t, "apps", edit)
}

// wait returns the object once it is as the condition says.
func (f *fixture) wait(name, what string, is func(*imagev1.ImageUpdateAutomation) bool) *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	return f.automations.Await(f.t, name, what, is)
}

// ready waits until the object is ready.
func (f *fixture) ready(name string) {
	f.t.Helper()
	f.wait(name, "Ready", func(o *imagev1.ImageUpdateAutomation) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
}

// applied returns the object once it has applied that tag of the policy "web".
func (f *fixture) applied(name, tag string) *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	return f.wait(name, "tag "+tag, func(o *imagev1.ImageUpdateAutomation) bool {
		return o.Status.ObservedPolicies["web"].Tag == tag && conditions.IsReady(o)
	})
}

// request asks for a run of "apps" and returns the object after it.
func (f *fixture) request() *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	at := f.automations.Request(f.t, "apps")
	return f.wait("apps", "the requested run", func(o *imagev1.ImageUpdateAutomation) bool {
		return o.Status.LastHandledReconcileAt == at && conditions.GetReason(o, meta.ReconcilingCondition) != meta.ProgressingReason
	})
}

// deployment is a manifest whose image follows the policy "web".
func (f *fixture) deployment(tag string) string {
	return "# kept\r\napiVersion: apps/v1\nkind: Deployment\nmetadata:   {name: web, namespace: apps}\nimage: o/web:" + tag +
		"   # {\"$imagepolicy\": \"" + f.namespace + ":web\"}\n"
}
