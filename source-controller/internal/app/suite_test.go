// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

	mu  sync.Mutex
	git []string

	// extra are further flags.
	extra []string
	stop  func()
}

func newFixture(t *testing.T, extra ...string) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{
		t: t, cluster: cluster, server: testkit.NewGitServer(t), events: testkit.NewEventSink(t),
		namespace: cluster.Namespace(t, "git"), storage: t.TempDir(), addr: freeAddress(t), extra: extra,
	}
	f.server.AddHTTPMiddlewares(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			f.git = append(f.git, r.Method)
			f.mu.Unlock()
			next.ServeHTTP(w, r)
		})
	})
	f.server.Repository(t, repoPath)
	f.gitURL = f.server.HTTP(t) + "/" + repoPath
	f.start()
	return f
}

// freeAddress returns an address nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a controller until the test ends or f.stop is called.
func (f *fixture) start() {
	f.t.Helper()
	f.t.Setenv("RUNTIME_NAMESPACE", f.namespace)
	ctx, cancel := context.WithCancel(context.Background())
	program := Program()
	program.Config = f.requests.Count(f.cluster.Config)
	args := []string{
		"--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces=false", "--storage-path=" + f.storage, "--storage-addr=" + f.addr,
		"--events-addr=" + f.events.URL, "--min-retry-delay=50ms",
	}
	args = append(args, f.extra...)
	log := &lockedBuffer{}
	var wg sync.WaitGroup
	wg.Go(func() {
		if code := manager.Run(ctx, program, args, log, log); code != 0 {
			f.t.Errorf("controller ended with code %d", code)
		}
	})
	// All kinds: the requests of one that still starts would be counted as those of a test.
	eventually(f.t, "the controller to start", func() bool { return strings.Count(log.String(), "Starting workers") == len(program.Kinds) })
	f.stop = func() { cancel(); wg.Wait() }
	f.t.Cleanup(func() {
		f.stop()
		if f.t.Failed() {
			f.t.Log(log.String())
		}
	})
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

func (f *fixture) get() *sourcev1.GitRepository {
	f.t.Helper()
	repo := &sourcev1.GitRepository{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "fleet"}, repo); err != nil {
		f.t.Fatal(err)
	}
	return repo
}

// change edits the object.
func (f *fixture) change(edit func(*sourcev1.GitRepository)) {
	f.t.Helper()
	repo := f.get()
	base := repo.DeepCopy()
	edit(repo)
	if err := f.cluster.Client.Patch(f.t.Context(), repo, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// wait returns the object once it is as the condition says.
func (f *fixture) wait(what string, is func(*sourcev1.GitRepository) bool) *sourcev1.GitRepository {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		repo := f.get()
		if is(repo) {
			return repo
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waited for %s in vain; status: %+v", what, repo.Status)
		}
		time.Sleep(20 * time.Millisecond)
	}
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
	at := time.Now().Format(time.RFC3339Nano)
	f.change(func(o *sourcev1.GitRepository) {
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		o.Annotations[meta.ReconcileRequestAnnotation] = at
	})
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
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, a.URL, http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		f.t.Fatalf("download %s: %s, %v", a.URL, res.Status, err)
	}
	return b
}

// files lists what is stored for the object, without locks.
func (f *fixture) files() []string {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.storage, "gitrepository", f.namespace, "fleet"))
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

// condition describes a condition, or says that it is absent.
func condition(o *sourcev1.GitRepository, kind string) string {
	c := conditions.Get(o, kind)
	if c == nil {
		return "absent"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}
