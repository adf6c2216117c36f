// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
)

// patience is how long a test waits for the controller before it gives up; what works takes milliseconds.
const patience = 30 * time.Second

// repoPath is the repository of every fixture.
const repoPath = "fleet.git"

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// lockedBuffer takes the log of a controller that may still write while a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

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
	log       *lockedBuffer

	mu  sync.Mutex
	git []string
	// around is called with each request to the Git server and what serves it; nil serves it.
	around func(r *http.Request, serve func())

	stop func()
}

func newFixture(t *testing.T, args ...string) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{
		t: t, cluster: cluster, server: testkit.NewGitServer(t), events: testkit.NewEventSink(t),
		namespace: cluster.Namespace(t, "image"), storage: t.TempDir(), mirrors: t.TempDir(),
	}
	f.server.AddHTTPMiddlewares(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			f.git = append(f.git, r.Method+" "+r.URL.Path[strings.LastIndex(r.URL.Path, ".git/")+5:])
			around := f.around
			f.mu.Unlock()
			serve := func() { next.ServeHTTP(w, r) }
			if around == nil {
				serve()
				return
			}
			around(r, serve)
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
	f.t.Setenv("RUNTIME_NAMESPACE", f.namespace)
	ctx, cancel := context.WithCancel(context.Background())
	program := Program()
	program.Config = f.requests.Count(f.cluster.Config)
	args := append([]string{
		"--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces=false", "--storage-path=" + f.storage, "--git-cache-path=" + f.mirrors,
		"--events-addr=" + f.events.URL, "--min-retry-delay=50ms", "--max-retry-delay=1s",
	}, more...)
	log := &lockedBuffer{}
	f.log = log
	var wg sync.WaitGroup
	wg.Go(func() {
		if code := manager.Run(ctx, program, args, log, log); code != 0 {
			f.t.Errorf("controller ended with code %d", code)
		}
	})
	eventually(f.t, "the controller to start", func() bool { return strings.Contains(log.String(), "Starting workers") })
	f.stop = func() { cancel(); wg.Wait() }
	f.t.Cleanup(func() {
		f.stop()
		if f.t.Failed() {
			f.t.Log(log.String())
		}
	})
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// intercept sets what happens around each request to the Git server.
func (f *fixture) intercept(around func(r *http.Request, serve func())) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.around = around
}

// gitRequests returns the requests to the Git server since the last call.
func (f *fixture) gitRequests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	requests := f.git
	f.git = nil
	return requests
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
	policy := &imagev1.ImagePolicy{}
	key := client.ObjectKey{Namespace: f.namespace, Name: name}
	if err := f.cluster.Client.Get(f.t.Context(), key, policy); err != nil {
		policy = &imagev1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name, Labels: map[string]string{"name": name}}}
		policy.Spec.ImageRepositoryRef.Name = "none"
		policy.Spec.Suspend = true // so that nobody but the test chooses
		policy.Spec.Policy.Alphabetical = &imagev1.AlphabeticalPolicy{}
		f.cluster.Create(f.t, policy)
	}
	base := policy.DeepCopy()
	policy.Status.LatestRef = &imagev1.ImageRef{Name: image, Tag: tag}
	if err := f.cluster.Client.Status().Patch(f.t.Context(), policy, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
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

func (f *fixture) get(name string) *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	o := &imagev1.ImageUpdateAutomation{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, o); err != nil {
		f.t.Fatal(err)
	}
	return o
}

// change edits the object "apps".
func (f *fixture) change(edit func(*imagev1.ImageUpdateAutomation)) {
	f.t.Helper()
	o := f.get("apps")
	base := o.DeepCopy()
	edit(o)
	if err := f.cluster.Client.Patch(f.t.Context(), o, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// wait returns the object once it is as the condition says.
func (f *fixture) wait(name, what string, is func(*imagev1.ImageUpdateAutomation) bool) *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		o := f.get(name)
		if is(o) {
			return o
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waited for %s in vain; status: %+v", what, o.Status)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ready returns the object once it is ready.
func (f *fixture) ready(name string) *imagev1.ImageUpdateAutomation {
	f.t.Helper()
	return f.wait(name, "Ready", func(o *imagev1.ImageUpdateAutomation) bool {
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
	at := time.Now().Format(time.RFC3339Nano)
	f.change(func(o *imagev1.ImageUpdateAutomation) {
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		o.Annotations[meta.ReconcileRequestAnnotation] = at
	})
	return f.wait("apps", "the requested run", func(o *imagev1.ImageUpdateAutomation) bool {
		return o.Status.LastHandledReconcileAt == at && conditions.GetReason(o, meta.ReconcilingCondition) != meta.ProgressingReason
	})
}

// deployment is a manifest whose image follows the policy "web".
func (f *fixture) deployment(tag string) string {
	return "# kept\r\napiVersion: apps/v1\nkind: Deployment\nmetadata:   {name: web, namespace: apps}\nimage: o/web:" + tag +
		"   # {\"$imagepolicy\": \"" + f.namespace + ":web\"}\n"
}
