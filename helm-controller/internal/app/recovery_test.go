// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// guillotine cuts a process off from the API server after a number of writes, which is what kill -9 looks like from there.
type guillotine struct {
	mu   sync.Mutex
	from string // counts from the first write whose path has this; empty: from the first one
	left int
	fell chan struct{}
}

func (g *guillotine) wrap(config *rest.Config) *rest.Config {
	cut := rest.CopyConfig(config)
	cut.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if !g.passes(r) {
				return nil, errors.New("the process is dead")
			}
			return next.RoundTrip(r)
		})
	})
	return cut
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// passes lets everything through until it falls, and nothing afterwards. Events always pass: nothing follows from them, and the end of the process
// would wait for them.
func (g *guillotine) passes(r *http.Request) bool {
	if strings.Contains(r.URL.Path, "/events") {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.fell:
		return false
	default:
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	if g.from != "" && !strings.Contains(r.URL.Path, g.from) {
		return true
	}
	g.from = ""
	if g.left == 0 {
		close(g.fell)
		return false
	}
	g.left--
	return true
}

// recoveryChart has a hook, a test-free object and a CRD-free manifest: every kind of write of an install and an upgrade.
func recoveryChart() map[string]string {
	return map[string]string{
		"templates/hook.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-hook, annotations: {helm.sh/hook: \"pre-install,pre-upgrade\"}}\n",
	}
}

// TestKill kills the controller before each of the writes of an install, and of an upgrade, and starts another: it always recovers, and no
// revision is left in the middle of something.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"install", "upgrade", "uninstall"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for n := 0; ; n++ {
				if !killAfter(t, what, n) {
					t.Logf("%s: %d writes", what, n)
					if n < 3 {
						t.Errorf("%d writes cannot be all", n)
					}
					return
				}
			}
		})
	}
}

// killAfter kills the controller after n writes; false if it was done before.
func killAfter(t *testing.T, what string, n int) bool {
	t.Helper()
	f := newIdleFixture(t)
	f.publish(chart("1.0.0", recoveryChart()))
	value, wanted := "one", func(hr *helmv2.HelmRelease) bool {
		return conditions.IsReady(hr) && hr.Status.ObservedGeneration == hr.Generation
	}
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Finalizers = []string{helmv2.Finalizer} })
	if what != "install" {
		first := f.start()
		f.awaitRevision("app", 1)
		first.Stop()
	}
	switch what {
	case "upgrade":
		value = "two"
		f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"value": "two"}) })
	case "uninstall":
		if err := f.cluster.Client.Delete(t.Context(), f.get()); err != nil {
			t.Fatal(err)
		}
	}
	done := func() bool {
		if what == "uninstall" {
			return f.releases.Find(t, "app") == nil
		}
		return wanted(f.get())
	}
	g := &guillotine{left: n, fell: make(chan struct{})}
	healthy := f.config
	f.config = g.wrap(healthy)
	victim := f.start()
	killed := false
	f.eventually(fmt.Sprintf("killed after %d writes, or done", n), func() bool {
		select {
		case <-g.fell:
			killed = true
			return true
		default:
			return done()
		}
	})
	victim.Stop()
	if !killed {
		return false
	}
	f.config = healthy
	second := f.start()
	defer second.Stop()
	f.eventually(fmt.Sprintf("%s recovers from being killed after %d writes", what, n), done, func() string {
		return fmt.Sprintf("%v %+v", f.revisions("app"), f.get().Status)
	})
	if what == "uninstall" {
		f.checkRevisions("app")
		if f.configMap("app-config") != nil {
			t.Errorf("after %d writes the object is left behind", n)
		}
		return true
	}
	if got := f.configMap("app-config").Data["value"]; got != value {
		t.Errorf("after %d writes the value is %s, want %s", n, got, value)
	}
	deployed := 0
	for _, r := range f.revisions("app") {
		if strings.HasSuffix(r, " deployed") {
			deployed++
		} else if !strings.HasSuffix(r, " superseded") && !strings.HasSuffix(r, " failed") {
			t.Errorf("after %d writes revision %s is stuck", n, r)
		}
	}
	if deployed != 1 {
		t.Errorf("after %d writes the revisions are %v, want one deployed", n, f.revisions("app"))
	}
	return true
}

// roll makes the Deployment available.
func (f *fixture) roll(name string) {
	f.t.Helper()
	f.cluster.RollOut(f.t, f.namespace, name)
}

// awaitRunning waits until the install of a release has begun and made its Deployment.
func (f *fixture) awaitRunning(name string) {
	f.t.Helper()
	f.await(name, name+" is being installed", func(hr *helmv2.HelmRelease) bool {
		return strings.HasPrefix(conditions.GetMessage(hr, meta.ReconcilingCondition), "Running 'install' action")
	})
	f.eventually("it waits", func() bool {
		err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name + "-web"}, &appsv1.Deployment{})
		return err == nil
	})
}

// TestShutdown ends the controller while an install waits: the release is recorded as failed, nothing is counted, and the next process goes on.
func TestShutdown(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	f.publish(chart("1.0.0", map[string]string{"templates/web.yaml": deployment}))
	first := f.start()
	f.create("app", nil)
	f.awaitRunning("app")
	first.Stop()
	f.checkRevisions("app", "1 failed")
	hr := f.get()
	if hr.Status.InstallFailures != 0 || hr.Status.History.Latest() == nil || hr.Status.History.Latest().Status != "failed" {
		t.Errorf("the status has to know of the revision, and not to count it: %+v", hr.Status)
	}
	f.start()
	f.roll("app-web")
	f.awaitRevision("app", 2)
}

// TestShutdownWhileTesting ends the controller while tests run: they are no failure, and run again.
func TestShutdownWhileTesting(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	f.publish(chart("1.0.0", map[string]string{"templates/test.yaml": testPod("test")}))
	first := f.start()
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.Test = &helmv2.Test{Enable: true} })
	var before types.UID
	pod := func() types.UID {
		pod := &corev1.Pod{}
		if f.cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "app-test"}, pod) != nil {
			return before
		}
		return pod.UID
	}
	f.eventually("it runs the tests", func() bool { return pod() != before })
	before = pod()
	first.Stop()
	if hr := f.get(); hr.Status.Failures != 0 || hr.Status.History.Latest().TestHooks != nil {
		t.Errorf("the tests are not known to have failed: %+v", hr.Status)
	}
	f.start()
	f.eventually("they run again", func() bool { return pod() != before })
	f.finish("app-test", corev1.PodSucceeded)
	f.awaitRevision("app", 1)
	f.checkRevisions("app", "1 deployed")
}

// TestPending holds the row of section 19 about a revision that a crash of somebody else left pending.
func TestPending(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	r := f.left()
	r.Version, r.Info.Status = 2, "pending-upgrade"
	if err := f.helm().Create(r); err != nil {
		t.Fatal(err)
	}
	f.start()
	f.awaitRevision("app", 3)
	f.checkRevisions("app", "1 superseded", "2 failed", "3 deployed")
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Reason == helmv2.PendingReleaseReason && strings.HasPrefix(e.Message, "Unlocked Helm release "+f.namespace+"/app.v2 with chart demo@1.0.0 in pending-upgrade state")
	})
}

// TestWaitHoldsNoSlot has releases that never get ready: with one slot for all of them, the others are done all the same.
func TestWaitHoldsNoSlot(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--concurrent=1")
	f.publish(chart("1.0.0", map[string]string{"templates/web.yaml": "{{ if .Values.web }}\n" + deployment + "{{ end }}"}))
	for i := range 4 {
		f.create(fmt.Sprintf("sick-%d", i), func(hr *helmv2.HelmRelease) {
			hr.Spec.Values, hr.Spec.Timeout = with(map[string]any{"web": true}), &metav1.Duration{Duration: time.Hour}
		})
		f.awaitRunning(fmt.Sprintf("sick-%d", i))
	}
	for i := range 4 {
		f.create(fmt.Sprintf("well-%d", i), func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"web": true}) })
	}
	for i := range 4 {
		f.roll(fmt.Sprintf("well-%d-web", i))
	}
	for i := range 4 {
		f.awaitRevision(fmt.Sprintf("well-%d", i), 1)
	}
	f.roll("sick-0-web")
	f.awaitRevision("sick-0", 1)
}

// TestSuperseded ends a wait for what is not wanted any more, with the gate for that.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--feature-gates=CancelHealthCheckOnNewRevision=true")
	f.publish(chart("1.0.0", map[string]string{"templates/web.yaml": deployment}))
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.Timeout = &metav1.Duration{Duration: time.Hour} })
	f.awaitRunning("app")
	f.publish(chart("1.1.0", nil))
	hr := f.awaitRevision("app", 2)
	if hr.Status.Failures != 0 {
		t.Errorf("a wait that was given up is no failure: %+v", hr.Status)
	}
	e := f.events.Wait(t, func(e eventv1.Event) bool { return e.Reason == helmv2.HealthCheckCanceledReason })
	if want := "New reconciliation triggered by HelmChart/" + f.namespace + "/demo"; e.Message != want || e.Severity != "info" {
		t.Errorf("event %q, want %q", e.Message, want)
	}
}

// TestDeletedWhileWaiting deletes an object whose install waits: the wait comes to its end, then the release goes.
func TestDeletedWhileWaiting(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", map[string]string{"templates/web.yaml": deployment}))
	f.create("app", nil)
	f.awaitRunning("app")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f.cluster.Client.Delete(ctx, f.get()); err != nil {
		t.Fatal(err)
	}
	f.roll("app-web")
	f.awaitGone("app")
	f.checkRevisions("app")
}

// TestKillDefinitions holds that after kill -9 the inventory has the definitions of the chart, also those of charts in it, which Helm does not store.
func TestKillDefinitions(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	crd := func(name string) string {
		return "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: " + name + ".example.com}\n"
	}
	f.publish(chart("1.0.0", map[string]string{
		"crds/own.yaml": crd("own"), "charts/inner/crds/inner.yaml": crd("inner"),
		"charts/inner/Chart.yaml": "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
	}))
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Finalizers = []string{helmv2.Finalizer}
		hr.Spec.Install = &helmv2.Install{CRDs: helmv2.CRDsSkip}
	})
	healthy := f.config
	g := &guillotine{from: "/secrets", left: 3, fell: make(chan struct{})} // all but the status
	f.config = g.wrap(healthy)
	victim := f.start()
	f.eventually("killed before the status is written", func() bool {
		select {
		case <-g.fell:
			return true
		default:
			return false
		}
	})
	victim.Stop()
	f.config = healthy
	f.start()
	hr := f.awaitRevision("app", 1)
	var got []string
	for _, entry := range hr.Status.Inventory.Entries {
		got = append(got, entry.ID)
	}
	slices.Sort(got)
	want := []string{
		"_inner.example.com_apiextensions.k8s.io_CustomResourceDefinition", "_own.example.com_apiextensions.k8s.io_CustomResourceDefinition",
		f.namespace + "_app-config__ConfigMap",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}
