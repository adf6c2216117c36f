// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
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
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
)

var suite testkit.Suite //nolint:gochecknoglobals // the only way from TestMain to the tests

func TestMain(m *testing.M) {
	os.Exit(suite.Main(m))
}

// greeter is a controller that reads a Secret and sends an event for every LimitRange of its shard. Its run lasts until the process ends.
type greeter struct {
	rt     *manager.Runtime
	seen   chan types.NamespacedName
	closed chan struct{}
	// early is set when closed was while the run was under way.
	early bool
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
	<-ctx.Done()
	select {
	case <-g.closed:
		g.early = true
	case <-time.After(100 * time.Millisecond): // in which what does not wait for the run would be over
	}
	return reconcile.Result{}, nil
}

// setup registers the controller.
func (g *greeter) setup(_ context.Context, rt *manager.Runtime) error {
	g.rt = rt
	rt.AtEnd(func() error { close(g.closed); return nil })
	return ctrl.NewControllerManagedBy(rt.Manager).For(&corev1.LimitRange{}).WithOptions(rt.ControllerOptions()).Complete(g)
}

// program returns a program with no flags of its own.
func program(setup func(context.Context, *manager.Runtime) error) manager.Program {
	return manager.Program{
		Name: "test-controller", Options: &manager.CommonOptions{}, Scheme: manager.Scheme(),
		Kinds: []client.Object{&corev1.LimitRange{}}, Setup: setup,
	}
}

func TestRun(t *testing.T) {
	cluster := suite.Cluster(t)
	namespace := cluster.Namespace(t, "manager")
	sink := testkit.NewEventSink(t)
	mine := metav1.ObjectMeta{Namespace: namespace, Name: "mine", Labels: map[string]string{"shard": "a"}}
	other := metav1.ObjectMeta{Namespace: namespace, Name: "also", Labels: map[string]string{"shard": "b"}}
	cluster.Create(t, testkit.Secret(namespace, "creds", nil), &corev1.LimitRange{ObjectMeta: other}, &corev1.LimitRange{ObjectMeta: mine})

	g := &greeter{seen: make(chan types.NamespacedName, 10), closed: make(chan struct{})}
	metrics, health := testkit.FreeAddress(t), testkit.FreeAddress(t)
	running := process.Start(t, process.Options{
		Program: func() manager.Program { return program(g.setup) }, Config: cluster.Config, Namespace: namespace,
		Args: []string{
			"--metrics-addr=" + metrics, "--health-addr=" + health, "--events-addr=" + sink.URL, "--watch-label-selector=shard=a",
			"--enable-leader-election", "--leader-election-lease-duration=4s", "--leader-election-renew-deadline=3s", "--leader-election-retry-period=1s",
		},
	})

	select {
	case got := <-g.seen:
		if got.Name != "mine" {
			t.Errorf("reconciled %s of another shard", got)
		}
	case <-time.After(testkit.Patience):
		t.Fatal("nothing was reconciled")
	}
	get(t, "http://"+health+"/healthz", "")
	get(t, "http://"+health+"/readyz", "")
	get(t, "http://"+metrics+"/metrics", `gotk_reconcile_duration_seconds_count{kind="LimitRange",name="mine",namespace="`+namespace+`"} 1`)
	get(t, "http://"+metrics+"/debug/pprof/", "goroutine")

	running.Stop()
	select {
	case <-g.closed:
	default:
		t.Error("what was to be closed at the end is not")
	}
	if g.early {
		t.Error("it was closed before the last reconcile had ended")
	}
	sink.Wait(t, func(e eventv1.Event) bool { return e.Message == "hello mine" && e.Reason == "Greeted" })
	var leases coordinationv1.LeaseList
	if err := cluster.Client.List(t.Context(), &leases, client.InNamespace(namespace)); err != nil || len(leases.Items) != 1 {
		t.Fatalf("%d leases, want one: %v", len(leases.Items), err)
	}
	if holder := leases.Items[0].Spec.HolderIdentity; holder != nil && *holder != "" {
		t.Errorf("lease is still held by %s", *holder)
	}
}

func TestRunFails(t *testing.T) {
	p := program(func(context.Context, *manager.Runtime) error { return errors.New("no disk") })
	p.Config = suite.Cluster(t).Config
	var log testkit.Buffer
	if code := manager.Run(t.Context(), p, []string{"--metrics-addr=0", "--health-addr=0"}, io.Discard, &log); code != 1 || !strings.Contains(log.String(), "no disk") {
		t.Errorf("Run() = %d, log:\n%s", code, log.String())
	}
}

// get waits until the address answers with a text that holds what is wanted: the manager does not wait for its servers to listen.
func get(t *testing.T, address, want string) {
	t.Helper()
	var answer string
	testkit.Eventually(t, fmt.Sprintf("%s says %q", address, want), func() bool {
		var code int
		code, answer = ask(t, address)
		return code == http.StatusOK && strings.Contains(answer, want)
	}, func() string { return fmt.Sprintf("%.2000s", answer) })
}

// ask returns what a server says, or why it does not.
func ask(t *testing.T, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}
