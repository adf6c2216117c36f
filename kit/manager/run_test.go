// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/testkit"
)

var suite testkit.Suite //nolint:gochecknoglobals // the only way from TestMain to the tests

func TestMain(m *testing.M) {
	os.Exit(suite.Main(m))
}

// startTimeout bounds what a loaded machine may take to bring a manager up or down.
const startTimeout = 60 * time.Second

// greeter is a controller that reads a Secret and sends an event for every service limits of its shard.
type greeter struct {
	rt   *Runtime
	seen chan types.NamespacedName
}

// Reconcile implements reconcile.Reconciler.
func (g *greeter) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	limits := &corev1.LimitRange{}
	if err := g.rt.Manager.GetClient().Get(ctx, req.NamespacedName, limits); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if err := g.rt.Manager.GetClient().Get(ctx, types.NamespacedName{Namespace: req.Namespace, Name: "creds"}, &corev1.Secret{}); err != nil {
		return reconcile.Result{}, err
	}
	if len(limits.ManagedFields) > 0 {
		return reconcile.Result{}, reconcile.TerminalError(fmt.Errorf("managedFields of %s are cached", req))
	}
	g.rt.Metrics.RecordDuration("LimitRange", req.Namespace, req.Name, time.Second)
	g.rt.Events.Event(limits, events.Event{Reason: "Greeted", Message: "hello " + req.Name})
	g.seen <- req.NamespacedName
	return reconcile.Result{}, nil
}

func TestRun(t *testing.T) {
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "manager")
	t.Setenv("RUNTIME_NAMESPACE", namespace)
	sink := testkit.NewEventSink(t)
	mine := metav1.ObjectMeta{Namespace: namespace, Name: "mine", Labels: map[string]string{"shard": "a"}}
	other := metav1.ObjectMeta{Namespace: namespace, Name: "other", Labels: map[string]string{"shard": "b"}}
	cluster.Create(t, testkit.Secret(namespace, "creds", nil), &corev1.LimitRange{ObjectMeta: other}, &corev1.LimitRange{ObjectMeta: mine})

	g := &greeter{seen: make(chan types.NamespacedName, 10)}
	p := program(&testOptions{})
	p.Config = cluster.Config
	p.Setup = func(_ context.Context, rt *Runtime) error {
		g.rt = rt
		return ctrl.NewControllerManagedBy(rt.Manager).For(&corev1.LimitRange{}).WithOptions(rt.ControllerOptions()).Complete(g)
	}
	metrics, health := freeAddress(t), freeAddress(t)
	running := startProgram(t, p,
		"--metrics-addr="+metrics, "--health-addr="+health, "--events-addr="+sink.URL, "--watch-label-selector=shard=a",
		"--enable-leader-election", "--leader-election-lease-duration=4s", "--leader-election-renew-deadline=3s", "--leader-election-retry-period=1s")

	select {
	case got := <-g.seen:
		if got.Name != "mine" {
			t.Errorf("reconciled %s of another shard", got)
		}
	case <-time.After(startTimeout):
		t.Fatalf("nothing was reconciled; log:\n%s", running.log.String())
	}
	get(t, "http://"+health+"/healthz", "")
	get(t, "http://"+health+"/readyz", "")
	get(t, "http://"+metrics+"/metrics", `gotk_reconcile_duration_seconds_count{kind="LimitRange",name="mine",namespace="`+namespace+`"} 1`)
	get(t, "http://"+metrics+"/debug/pprof/", "goroutine")

	if code := running.stop(); code != 0 {
		t.Errorf("Run() = %d, want 0; log:\n%s", code, running.log.String())
	}
	sink.Wait(t, func(e eventv1.Event) bool { return e.Message == "hello mine" && e.Reason == "Greeted" })
	lease := &coordinationv1.Lease{}
	name := p.Options.Common().leaseName(p.Name)
	if err := cluster.Client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, lease); err != nil {
		t.Fatalf("lease: %v", err)
	}
	if lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity != "" {
		t.Errorf("lease is still held by %s", *lease.Spec.HolderIdentity)
	}
}

func TestRunFails(t *testing.T) {
	cluster := suite.Cluster(t)
	p := program(&testOptions{})
	p.Config = cluster.Config
	p.Setup = func(context.Context, *Runtime) error { return fmt.Errorf("no disk") }
	running := startProgram(t, p, "--metrics-addr=0", "--health-addr=0")
	if code := running.wait(); code != 1 || !strings.Contains(running.log.String(), "no disk") {
		t.Errorf("Run() = %d, log:\n%s", code, running.log.String())
	}
}

// process is a program that runs in this process.
type process struct {
	cancel context.CancelFunc
	code   chan int
	log    lockedBuffer
}

func startProgram(t *testing.T, p *Program, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	running := &process{cancel: cancel, code: make(chan int, 1)}
	go func() { running.code <- Run(ctx, *p, args, io.Discard, &running.log) }()
	t.Cleanup(cancel)
	return running
}

func (p *process) stop() int {
	p.cancel()
	return p.wait()
}

// wait returns the exit code, or -1 when there is none in time.
func (p *process) wait() int {
	select {
	case code := <-p.code:
		return code
	case <-time.After(startTimeout):
		return -1
	}
}

// lockedBuffer takes the log of a running program.
type lockedBuffer struct {
	mu  sync.Mutex
	out strings.Builder
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

// String returns what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

func get(t *testing.T, address, want string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
		t.Errorf("%s: status %d, error %v, %q not in:\n%.2000s", address, resp.StatusCode, err, want, body)
	}
}

// freeAddress returns an address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
