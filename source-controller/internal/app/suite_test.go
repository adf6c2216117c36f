// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// repoPath is the repository of every fixture.
const repoPath = "fleet.git"

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// fixture is a namespace, a Git server, a storage directory and a controller that sees only that namespace.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	requests  testkit.Requests
	server    *testkit.GitServer
	gitURL    string
	events    *testkit.EventSink
	namespace string
	storage   string
	addr      string

	// repositories are the GitRepositories of the namespace.
	repositories testkit.Kind[sourcev1.GitRepository, *sourcev1.GitRepository]
	// extra are further flags.
	extra []string
	stop  func()
}

func newFixture(t *testing.T, extra ...string) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{
		t: t, cluster: cluster, server: testkit.NewGitServer(t), events: testkit.NewEventSink(t),
		namespace: cluster.Namespace(t, "git"), storage: t.TempDir(), addr: testkit.FreeAddress(t), extra: extra,
	}
	f.repositories.Cluster, f.repositories.Namespace = f.cluster, f.namespace
	f.server.Repository(t, repoPath)
	f.gitURL = f.server.HTTP(t) + "/" + repoPath
	f.start()
	return f
}

// start runs a controller until the test ends or f.stop is called. Failures are tried again so often that a test sees it, and with pauses in which
// the controller is quiet.
func (f *fixture) start() {
	f.t.Helper()
	f.stop = process.Start(f.t, process.Options{
		Program: program, Config: f.requests.Count(f.cluster.Config), Namespace: f.namespace, Args: append([]string{
			"--storage-path=" + f.storage, "--storage-addr=" + f.addr, "--events-addr=" + f.events.URL, "--min-retry-delay=50ms", "--max-retry-delay=5s",
		}, f.extra...),
	}).Stop
	// The workers start beside the artifact server, not after it.
	testkit.Eventually(f.t, "the artifact server", func() bool { _, err := f.get("http://" + f.addr + "/"); return err == nil })
}

// program is the controller with more time for its end: how long that takes on a busy machine is not what these tests are about.
func program() manager.Program {
	p := Program()
	p.Options.Common().ShutdownTimeout = testkit.Patience
	return p
}

// gitRequests returns the requests to the Git server since the last call.
func (f *fixture) gitRequests() []string { return f.server.Take() }

// commit makes a commit on main.
func (f *fixture) commit(message string, files map[string]string) string {
	f.t.Helper()
	return f.server.Commit(f.t, repoPath, "main", message, files)
}

// create makes the GitRepository "fleet", which follows main unless edit says otherwise.
func (f *fixture) create(edit ...func(*sourcev1.GitRepository)) *sourcev1.GitRepository {
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

// change edits the object.
func (f *fixture) change(edit func(*sourcev1.GitRepository)) {
	f.t.Helper()
	f.repositories.Change(f.t, "fleet", edit)
}

// wait returns the object once it is as the condition says.
func (f *fixture) wait(what string, is func(*sourcev1.GitRepository) bool) *sourcev1.GitRepository {
	f.t.Helper()
	return f.repositories.Await(f.t, "fleet", what, is)
}

// ready returns the object once it is ready.
func (f *fixture) ready() *sourcev1.GitRepository {
	f.t.Helper()
	return f.wait("Ready", func(o *sourcev1.GitRepository) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
}

// request asks for a run and returns the object after it.
func (f *fixture) request() *sourcev1.GitRepository {
	f.t.Helper()
	at := f.repositories.Request(f.t, "fleet")
	return f.wait("the requested run", func(o *sourcev1.GitRepository) bool { return o.Status.LastHandledReconcileAt == at })
}

// reasons returns the reasons of the events that were posted, in order.
func (f *fixture) reasons() []string {
	var all []string
	for _, e := range f.events.Events() {
		all = append(all, e.Severity+" "+e.Reason)
	}
	return all
}

// waitEvent returns the first event with the reason.
func (f *fixture) waitEvent(reason string) eventv1.Event {
	f.t.Helper()
	return f.events.Wait(f.t, func(e eventv1.Event) bool { return e.Reason == reason })
}

// download fetches what an artifact names.
func (f *fixture) download(a *meta.Artifact) []byte {
	f.t.Helper()
	b, err := f.get(a.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// get fetches what is at an address.
func (f *fixture) get(address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("download %s: %s, %w", address, res.Status, err)
	}
	return b, nil
}

// recorded waits for the Kubernetes Event about an artifact, which is written in the background, and which otherwise counts among later requests.
func (f *fixture) recorded(o publish.Source) {
	f.t.Helper()
	f.traced(o.GetName(), func(e corev1.Event) bool { return e.Annotations[sourcev1.DigestMetadataKey] == o.GetArtifact().Digest })
}

// traced waits for a Kubernetes Event about an object.
func (f *fixture) traced(name string, match func(corev1.Event) bool) {
	f.t.Helper()
	testkit.Eventually(f.t, "the Kubernetes Event", func() bool {
		return slices.ContainsFunc(f.cluster.Events(f.t, f.namespace, name), match)
	})
}

// kept lists what is stored for an object of a kind, without locks.
func (f *fixture) kept(kind, name string) []string {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.storage, kind, f.namespace, name))
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// runs counts the requests of runs, events included: informers renew their watches by themselves.
func runs(counts map[testkit.Request]int) int {
	n := 0
	for request, times := range counts {
		if request.Verb != "watch" {
			n += times
		}
	}
	return n
}

// writes counts what changed something in the API server, events apart.
func writes(counts map[testkit.Request]int) int {
	n := 0
	for request, times := range counts {
		if slices.Contains([]string{"create", "update", "patch", "delete"}, request.Verb) && request.Resource != "events" {
			n += times
		}
	}
	return n
}
