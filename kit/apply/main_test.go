// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
	"github.com/weir-gitops/weir/kit/testkit"
)

const (
	testField = "kustomize-controller"
	testGroup = "kustomize.toolkit.fluxcd.io"
)

var suite testkit.Suite //nolint:gochecknoglobals // the only way from TestMain to the tests

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// counter counts requests by what they do.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
	on     atomic.Bool
}

func (c *counter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		c.count(r)
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (c *counter) count(r *http.Request) {
	path := strings.Trim(r.URL.Path, "/")
	depth := strings.Count(path, "/")
	if !c.on.Load() || depth < 2 || strings.HasPrefix(path, "apis/") && depth < 3 {
		return // discovery
	}
	q := r.URL.Query()
	what := strings.ToLower(r.Method)
	switch {
	case q.Get("dryRun") != "":
		what = "dry-run"
	case r.Method == http.MethodPatch && strings.Contains(r.Header.Get("Content-Type"), "apply-patch"):
		what = "apply"
	case q.Get("watch") != "" || q.Get("labelSelector") != "" || q.Get("fieldSelector") != "":
		return // the watches, which begin and end in the background
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

// take returns the counts since the last call.
func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := maps.Clone(c.counts)
	clear(c.counts)
	return got
}

// rig is an engine with a namespace of its own.
type rig struct {
	*Engine

	clients Clients
	admin   kubernetes.Interface
	dynamic dynamic.Interface
	ns      string
	counter *counter
	woken   chan Owner
}

func newRig(t *testing.T, tune ...func(*Config)) *rig {
	t.Helper()
	server := suite.Cluster(t).Config
	admin := kubernetes.NewForConfigOrDie(server)
	ns, err := admin.CoreV1().Namespaces().
		Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		admin: admin, dynamic: dynamic.NewForConfigOrDie(server), ns: ns.Name,
		counter: &counter{counts: map[string]int{}}, woken: make(chan Owner, 1000),
	}
	r.counter.on.Store(true)
	cfg := rest.CopyConfig(server)
	cfg.Wrap(r.counter.wrap)
	r.clients = clientsFor(t, cfg)
	r.Engine = r.start(t, tune...)
	return r
}

func clientsFor(t *testing.T, cfg *rest.Config) Clients {
	t.Helper()
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	return Clients{Dynamic: dynamic.NewForConfigOrDie(cfg), Metadata: metadata.NewForConfigOrDie(cfg), Mapper: mapper}
}

// start runs another engine with the clients of the rig, as after a restart.
func (r *rig) start(t *testing.T, tune ...func(*Config)) *Engine {
	t.Helper()
	cfg := Config{
		Field: testField, Group: testGroup, Watch: r.clients, Logger: logr.Discard(),
		Wake: func(o Owner) { r.woken <- o },
	}
	for _, f := range tune {
		f(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e
}

func (r *rig) owner(name string) Owner { return Owner{Namespace: r.ns, Name: name} }

// objects parses manifests; $NS stands for the namespace of the rig.
func (r *rig) objects(t *testing.T, manifests string) []*unstructured.Unstructured {
	t.Helper()
	return parse(t, strings.ReplaceAll(manifests, "$NS", r.ns))
}

func parse(t *testing.T, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for doc := range strings.SplitSeq(manifests, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatal(err)
		}
		// JSON numbers as the API machinery has them.
		raw, err := u.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := u.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		list = append(list, u)
	}
	return list
}

// pass is what one reconcile does.
type pass struct {
	plan    *Plan
	changes Changes
	pruned  Changes
	err     error
}

func (p pass) inventory() []Entry { return p.plan.Inventory() }

func (r *rig) reconcile(t *testing.T, o Owner, inventory []Entry, manifests string, opts ...func(*PlanOptions, *PrepareOptions)) pass {
	t.Helper()
	return r.reconcileWith(t, r.Engine, o, inventory, manifests, opts...)
}

func (r *rig) reconcileWith(t *testing.T, e *Engine, o Owner, inventory []Entry, manifests string, opts ...func(*PlanOptions, *PrepareOptions)) pass {
	t.Helper()
	po, pre := PlanOptions{Prune: true}, PrepareOptions{}
	for _, f := range opts {
		f(&po, &pre)
	}
	var objs []*unstructured.Unstructured
	if manifests != "" {
		objs = r.objects(t, manifests)
	}
	set, err := e.Prepare(o, objs, pre)
	if err != nil {
		return pass{err: err}
	}
	plan, err := e.Plan(t.Context(), r.clients, o, set, inventory, po)
	if err != nil {
		return pass{err: err}
	}
	p := pass{plan: plan}
	if p.changes, p.err = e.Apply(t.Context(), r.clients, plan); p.err != nil {
		return p
	}
	p.pruned, p.err = e.Prune(t.Context(), r.clients, plan)
	return p
}

func force(o *PlanOptions, _ *PrepareOptions) { o.Force = true }

func verifyAll(o *PlanOptions, _ *PrepareOptions) { o.Verify = true }

// wake waits for the owner to be woken.
func (r *rig) wake(t *testing.T, o Owner) {
	t.Helper()
	deadline := time.After(testkit.Patience)
	for {
		select {
		case got := <-r.woken:
			if got == o {
				return
			}
		case <-deadline:
			t.Fatalf("%s was not woken", o)
		}
	}
}

// quiet checks that nobody has been woken.
func (r *rig) quiet(t *testing.T) {
	t.Helper()
	select {
	case o := <-r.woken:
		t.Fatalf("%s was woken", o)
	default:
	}
}

// caughtUp waits until the watches have delivered everything the ledger holds.
func (r *rig) caughtUp(t *testing.T, e *Engine, o Owner) {
	t.Helper()
	testkit.Eventually(t, "watches caught up", func() bool {
		a := e.ledger.find(o)
		a.mu.Lock()
		defer a.mu.Unlock()
		for id, p := range a.entries {
			if rec, presence := e.hub.Lookup(id, p.version); presence == observe.Behind || rec.Older(p.version) {
				return false
			}
		}
		return true
	})
}
