// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
)

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), sourcev1.AddToScheme(s)); err != nil {
		panic(err)
	}
	return s
}

// scope is that of a kind made for these tests: its one phase does what the test says.
type scope struct {
	obj *sourcev1.GitRepository
	run reconcile.Run
}

type fixture struct {
	t        *testing.T
	driver   *reconcile.Driver[*sourcev1.GitRepository, *scope]
	client   client.Client
	requests testkit.Requests
	key      client.ObjectKey
	phase    func(context.Context, *scope) error
	deletion func(context.Context, *scope) error

	mu   sync.Mutex
	told []string
}

func (f *fixture) Event(_ client.Object, e events.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, e.Message)
}

func (f *fixture) RecordDuration(_, _, _ string, _ time.Duration) {}
func (f *fixture) DeleteDuration(_, _, _ string)                  {}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{t: t, client: cluster.Client}
	counted, err := client.New(f.requests.Count(cluster.Config), client.Options{Scheme: suite.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	f.phase = func(context.Context, *scope) error { return nil }
	f.deletion = f.phase
	f.driver = &reconcile.Driver[*sourcev1.GitRepository, *scope]{
		Dependencies: reconcile.Dependencies{
			Client: counted, Live: counted, Recorder: f, Metrics: f, Clock: time.Now,
			Jitter: func(d time.Duration) time.Duration { return d },
		},
		FieldOwner: "tester",
		Kind: reconcile.Kind[*sourcev1.GitRepository, *scope]{
			Name:      "GitRepository",
			Finalizer: "test.example.com/finalizer",
			New:       func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
			Common: func(o *sourcev1.GitRepository) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *sourcev1.GitRepository) bool { return o.Spec.Suspend },
			Start:     func(o *sourcev1.GitRepository, run reconcile.Run) *scope { return &scope{obj: o, run: run} },
			Phases: []reconcile.Phase[*scope]{
				{Name: "work", Reports: "FetchFailed", Run: func(ctx context.Context, s *scope) error { return f.phase(ctx, s) }},
			},
			Deletion: []reconcile.Phase[*scope]{
				{Name: "clean", Run: func(ctx context.Context, s *scope) error { return f.deletion(ctx, s) }},
			},
			Status:   setStatus,
			Observed: func(_ *sourcev1.GitRepository, r reconcile.Result) bool { return r.Succeeded() },
			Events: func(_ *sourcev1.GitRepository, _ *scope, r reconcile.Result) []events.Event {
				return []events.Event{{Message: "ended in phase " + r.Phase}}
			},
			Interval: func(o *sourcev1.GitRepository) time.Duration { return o.Spec.Interval.Duration },
			Owned:    []string{meta.ReadyCondition},
		},
	}
	if err := f.driver.Validate(); err != nil {
		t.Fatal(err)
	}
	obj := &sourcev1.GitRepository{}
	obj.Namespace, obj.Name = cluster.Namespace(t, "driver"), "repo"
	obj.Spec.URL, obj.Spec.Interval.Duration = "https://example.com/repo", time.Hour
	cluster.Create(t, obj)
	f.key = client.ObjectKeyFromObject(obj)
	return f
}

func setStatus(s *scope, r reconcile.Result) {
	switch {
	case r.Running:
		conditions.MarkUnknown(s.obj, meta.ReadyCondition, "Progressing", "at work")
	case r.Class == outcome.Done && !r.Suspended:
		conditions.MarkTrue(s.obj, meta.ReadyCondition, "Succeeded", "done")
	case r.Class != outcome.Done:
		conditions.MarkFalse(s.obj, meta.ReadyCondition, "Failed", "%s", r.Message())
	}
}

// run reconciles once and returns the result with the number of writes.
func (f *fixture) run() (ctrl.Result, int, error) {
	f.t.Helper()
	f.requests.Take()
	result, err := f.driver.Reconcile(f.t.Context(), ctrl.Request{NamespacedName: f.key})
	writes := 0
	for request, n := range f.requests.Take() {
		if request.Verb != "get" {
			writes += n
		}
	}
	return result, writes, err
}

func (f *fixture) get() *sourcev1.GitRepository {
	f.t.Helper()
	obj := &sourcev1.GitRepository{}
	if err := f.client.Get(f.t.Context(), f.key, obj); err != nil {
		f.t.Fatal(err)
	}
	return obj
}

func (f *fixture) change(edit func(*sourcev1.GitRepository)) {
	f.t.Helper()
	obj := f.get()
	base := obj.DeepCopy()
	edit(obj)
	if err := f.client.Patch(f.t.Context(), obj, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

func TestWrites(t *testing.T) {
	f := newFixture(t)
	expect := func(what string, want int) {
		t.Helper()
		result, writes, err := f.run()
		if err != nil || writes != want {
			t.Fatalf("%s: %d writes, want %d (%v)", what, writes, want, err)
		}
		if result.RequeueAfter != time.Hour {
			t.Errorf("%s: next run after %s, want the interval", what, result.RequeueAfter)
		}
	}
	expect("the first run adds the finalizer and the verdict", 2)
	expect("a run that finds nothing new writes nothing", 0)
	f.change(func(o *sourcev1.GitRepository) {
		o.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now"}
	})
	expect("a requested run confirms the request", 1)
	if got := f.get().Status; got.LastHandledReconcileAt != "now" || got.ObservedGeneration != 1 {
		t.Errorf("status after a requested run: %+v", got)
	}
	f.phase = func(ctx context.Context, s *scope) error { return s.run.Publish(ctx) }
	expect("a run that publishes writes twice", 2)
}

func TestConflict(t *testing.T) {
	f := newFixture(t)
	f.phase = func(context.Context, *scope) error {
		// Somebody else writes a condition of their own while the run is under way.
		obj := f.get()
		base := obj.DeepCopy()
		conditions.MarkTrue(obj, "Theirs", "Kept", "a foreign condition")
		return f.client.Status().Patch(t.Context(), obj, client.MergeFrom(base))
	}
	if _, _, err := f.run(); err != nil {
		t.Fatal(err)
	}
	obj := f.get()
	if !conditions.IsTrue(obj, "Theirs") || !conditions.IsTrue(obj, meta.ReadyCondition) {
		t.Errorf("both conditions must be there: %+v", obj.Status.Conditions)
	}
}

func TestOutcomes(t *testing.T) {
	cause := errors.New("it broke")
	cases := map[string]struct {
		reason string
		err    error
		retry  func(*sourcev1.GitRepository) time.Duration
		want   time.Duration
		backs  bool
	}{
		"Wait":       {reason: "A wait comes back after its time.", err: outcome.Wait(time.Minute, "X", "waiting"), want: time.Minute},
		"WaitWatch":  {reason: "A wait without time is woken by a watch.", err: outcome.Wait(0, "X", "waiting")},
		"Stall":      {reason: "A stall does not come back.", err: outcome.Stall("X", cause)},
		"FailRetry":  {reason: "A failure comes back after the retry interval.", err: outcome.Fail("X", cause), retry: func(*sourcev1.GitRepository) time.Duration { return time.Second }, want: time.Second},
		"FailAfter":  {reason: "A failure may name its own time.", err: outcome.FailAfter(time.Minute, "X", cause), want: time.Minute},
		"FailBacks":  {reason: "Without a retry interval a failure backs off.", err: outcome.Fail("X", cause), backs: true},
		"Unforeseen": {reason: "What nobody foresaw backs off.", err: cause, retry: func(*sourcev1.GitRepository) time.Duration { return time.Second }, backs: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.phase = func(context.Context, *scope) error { return tc.err }
			f.driver.Kind.Retry = tc.retry
			result, _, err := f.run()
			if (err != nil) != tc.backs || result.RequeueAfter != tc.want {
				t.Errorf("%s\ngot %v, %v", tc.reason, result, err)
			}
			if diff := cmp.Diff([]string{"ended in phase work"}, f.told); diff != "" {
				t.Errorf("events: -want, +got:\n%s", diff)
			}
			if !conditions.IsFalse(f.get(), meta.ReadyCondition) {
				t.Error("the outcome must reach the status")
			}
		})
	}
}

func TestPanic(t *testing.T) {
	f := newFixture(t)
	f.phase = func(context.Context, *scope) error { panic("oops") }
	if _, _, err := f.run(); err == nil {
		t.Fatal("a panic must come out as an error with back-off")
	}
	if got := conditions.GetMessage(f.get(), meta.ReadyCondition); got != "panic in work: oops" {
		t.Errorf("message = %q", got)
	}
}

func TestSuspended(t *testing.T) {
	f := newFixture(t)
	f.phase = func(context.Context, *scope) error { t.Error("a phase ran"); return nil }
	f.change(func(o *sourcev1.GitRepository) {
		o.Spec.Suspend = true
		o.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now"}
	})
	result, _, err := f.run()
	if err != nil || result.RequeueAfter != 0 {
		t.Fatalf("got %v, %v", result, err)
	}
	if got := f.get().Status.LastHandledReconcileAt; got != "now" {
		t.Errorf("a suspended object still confirms the request, got %q", got)
	}
}

func TestDeletion(t *testing.T) {
	f := newFixture(t)
	if _, _, err := f.run(); err != nil {
		t.Fatal(err)
	}
	if err := f.client.Delete(t.Context(), f.get()); err != nil {
		t.Fatal(err)
	}
	f.deletion = func(context.Context, *scope) error { return errors.New("storage is busy") }
	if _, _, err := f.run(); err == nil {
		t.Fatal("a deletion that failed has to be tried again")
	}
	f.get() // still there
	f.deletion = func(context.Context, *scope) error { return nil }
	if _, _, err := f.run(); err != nil {
		t.Fatal(err)
	}
	if err := f.client.Get(t.Context(), f.key, &sourcev1.GitRepository{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the object must be gone, got %v", err)
	}
	if _, writes, err := f.run(); err != nil || writes != 0 {
		t.Errorf("an object that is gone is no work: %d writes, %v", writes, err)
	}
}

func TestStaleCache(t *testing.T) {
	f := newFixture(t)
	stale := f.get()
	if _, _, err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.driver.Client = &staleClient{Client: f.driver.Client, obj: stale}
	if _, writes, err := f.run(); err != nil || writes != 0 {
		t.Errorf("a run must start from what this process wrote last, even if the cache is behind: %d writes, %v", writes, err)
	}
}

// staleClient reads what an informer would show that has not caught up.
type staleClient struct {
	client.Client
	obj *sourcev1.GitRepository
}

func (c *staleClient) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	obj, ok := into.(*sourcev1.GitRepository)
	if !ok {
		return errors.New("unexpected type")
	}
	c.obj.DeepCopyInto(obj)
	return nil
}

func TestShutdown(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.phase = func(context.Context, *scope) error { cancel(); return outcome.Fail("X", context.Canceled) }
	if _, err := f.driver.Reconcile(ctx, ctrl.Request{NamespacedName: f.key}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if c := conditions.Get(f.get(), meta.ReadyCondition); c != nil {
		t.Errorf("a process that goes down must not blame the object: %+v", *c)
	}
}

func TestYield(t *testing.T) {
	f := newFixture(t)
	f.phase = func(context.Context, *scope) error { return outcome.Yield() }
	result, writes, err := f.run()
	if err != nil || result.RequeueAfter == 0 || result.Priority == nil || *result.Priority >= 0 {
		t.Errorf("a run that yields comes back behind the others, got %+v, %v", result, err)
	}
	if writes != 1 || len(f.told) != 0 {
		t.Errorf("a run that yields leaves no trace but the finalizer: %d writes, events %v", writes, f.told)
	}
}

func TestChangedWhileRunning(t *testing.T) {
	f := newFixture(t)
	f.phase = func(ctx context.Context, s *scope) error {
		f.change(func(o *sourcev1.GitRepository) {
			o.Spec.URL = "https://example.com/other"
			o.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "later"}
		})
		if err := s.run.Publish(ctx); err != nil {
			return err
		}
		if s.obj.Spec.URL != "https://example.com/repo" {
			t.Errorf("the spec changed below a run: %s", s.obj.Spec.URL)
		}
		return nil
	}
	if _, _, err := f.run(); err != nil {
		t.Fatal(err)
	}
	if got := f.get(); got.Status.ObservedGeneration != 1 || got.Status.LastHandledReconcileAt != "" || got.Spec.URL != "https://example.com/other" {
		t.Errorf("a run must not claim a generation or a request that came while it ran: %+v of %s", got.Status, got.Spec.URL)
	}
}

func TestPublishIntoNothing(t *testing.T) {
	f := newFixture(t)
	f.phase = func(ctx context.Context, s *scope) error {
		f.change(func(o *sourcev1.GitRepository) { o.Finalizers = nil })
		if err := f.client.Delete(ctx, f.get()); err != nil {
			return err
		}
		err := s.run.Publish(ctx)
		if !apierrors.IsNotFound(err) {
			t.Errorf("who publishes before acting has to learn that the object is gone, got %v", err)
		}
		return err
	}
	if _, _, err := f.run(); err == nil {
		t.Error("the error of the phase must come out")
	}
}
