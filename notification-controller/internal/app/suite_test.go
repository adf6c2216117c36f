// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
)

// sourceGroup is the API group of the objects that the events of these tests are about.
const sourceGroup = "source.toolkit.fluxcd.io/"

var suite = testkit.Suite{Scheme: testScheme()} //nolint:gochecknoglobals // one API server for the package

func testScheme() *runtime.Scheme {
	s := scheme()
	utilruntime.Must(sourcev1.AddToScheme(s))
	return s
}

// victimEnv makes the test binary the controller that TestKill kills; it holds the arguments.
const victimEnv = "WEIR_TEST_CONTROLLER_ARGS"

func TestMain(m *testing.M) {
	if args := os.Getenv(victimEnv); args != "" {
		os.Exit(manager.Run(context.Background(), Program(), strings.Fields(args), os.Stdout, os.Stderr))
	}
	os.Exit(suite.Main(m))
}

// endpoints are the URLs of a running controller, and its log.
type endpoints struct {
	events, receivers string
	log               *testkit.Buffer
	stop              func()
}

// fixture is one namespace.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	namespace string
	// drain is how long a controller delivers on when it ends; 0 stands for what it does by itself.
	drain time.Duration
	endpoints
}

// newFixture starts a controller of its own for the test, which sees only the test's namespace.
func newFixture(t *testing.T, args ...string) *fixture {
	t.Helper()
	f := newIdleFixture(t)
	f.endpoints = f.start(args...)
	return f
}

// newIdleFixture leaves it to the test to start a controller.
func newIdleFixture(t *testing.T) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	return &fixture{t: t, cluster: cluster, namespace: cluster.Namespace(t, "nc")}
}

// in returns the fixture for a part of the test.
func (f fixture) in(t *testing.T) *fixture {
	t.Helper()
	f.t = t
	return &f
}

// flags are those of every controller of the tests.
func flags(outbox string) []string {
	return []string{"--events-addr=127.0.0.1:0", "--receiverAddr=127.0.0.1:0", "--outbox-path=" + outbox}
}

// start runs the controller until the test ends or stop is called, and returns when it serves.
func (f *fixture) start(args ...string) endpoints {
	f.t.Helper()
	var e endpoints
	p := process.Start(f.t, process.Options{
		Program: f.program, Config: f.cluster.Config, Namespace: f.namespace, Args: append(flags(f.t.TempDir()), args...), Serves: e.found,
	})
	e.log, e.stop = p.Log, p.Stop
	return e
}

// program gives the end the time that a busy machine needs: a controller that is cut off ends with an error.
func (f *fixture) program() manager.Program {
	opts := NewOptions()
	opts.ShutdownTimeout, opts.drain = 2*testkit.Patience, cmp.Or(f.drain, opts.drain)
	return program(opts)
}

// up looks for the URLs in the log.
func (e *endpoints) up() bool { return e.found(e.log.String()) }

// found looks for the URLs in a log.
func (e *endpoints) found(log string) bool {
	for line := range strings.Lines(log) {
		var entry struct{ Msg, Endpoint, Addr string }
		switch err := json.Unmarshal([]byte(line), &entry); {
		case err != nil || entry.Msg != "listening":
		case entry.Endpoint == "events":
			e.events = "http://" + entry.Addr
		case entry.Endpoint == "receivers":
			e.receivers = "http://" + entry.Addr
		}
	}
	return e.events != "" && e.receivers != ""
}

// eventually waits until something is so.
func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	testkit.Eventually(f.t, what, is)
}

// newEvent is an event about a GitRepository of the fixture's namespace.
func (f *fixture) newEvent(name, message string) eventv1.Event {
	return eventv1.Event{
		InvolvedObject:      corev1.ObjectReference{APIVersion: sourceGroup + "v1", Kind: "GitRepository", Namespace: f.namespace, Name: name, UID: "u"},
		Severity:            eventv1.SeverityError,
		Timestamp:           metav1.NewTime(time.Date(2022, 9, 30, 6, 40, 29, 0, time.UTC)),
		Message:             message,
		Reason:              "GitOperationFailed",
		Metadata:            map[string]string{sourceGroup + "revision": "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"},
		ReportingController: "source-controller",
	}
}

// post sends an event and returns the status of the answer.
func (f *fixture) post(url string, e eventv1.Event) int {
	f.t.Helper()
	body, err := json.Marshal(e)
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// accept posts an event that has to be accepted.
func (f *fixture) accept(e eventv1.Event) {
	f.t.Helper()
	if status := f.post(f.events, e); status != http.StatusAccepted {
		f.t.Fatalf("status %d, want 202", status)
	}
}

// alert creates an Alert and the Provider of the same name, and waits until the controller has seen both: the finalizer is the sign of it.
func (f *fixture) alert(name, address string, edit func(*notificationv1beta3.Alert, *notificationv1beta3.Provider)) {
	f.t.Helper()
	provider := &notificationv1beta3.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	provider.Spec.Type, provider.Spec.Address = notificationv1beta3.GenericProvider, address
	alert := &notificationv1beta3.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	alert.Spec.ProviderRef.Name = name
	alert.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{{Kind: "GitRepository", Name: name}}
	if edit != nil {
		edit(alert, provider)
	}
	f.cluster.Create(f.t, alert, provider)
	f.eventually("the controller knows provider "+name, func() bool {
		f.read(name, provider)
		return len(provider.Finalizers) == 1
	})
	// Alerts have another watch; a probe of what the controller does with one is the only sign that it has this one too.
	probe := f.probe(name)
	f.eventually("the controller knows alert "+name, func() bool {
		f.read(name, probe)
		return len(probe.Finalizers) == 0
	})
}

// probe creates an Alert with the finalizer of older versions, which the controller removes.
func (f *fixture) probe(name string) *notificationv1beta3.Alert {
	f.t.Helper()
	probe := &notificationv1beta3.Alert{ObjectMeta: metav1.ObjectMeta{
		Namespace: f.namespace, Name: name + "-probe", Finalizers: []string{notificationv1beta3.Finalizer},
	}}
	probe.Spec.ProviderRef.Name = "none"
	probe.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{}
	f.cluster.Create(f.t, probe)
	return probe
}

func (f *fixture) read(_ string, o client.Object) {
	f.t.Helper()
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		f.t.Fatal(err)
	}
}

// told returns the Kubernetes Events about the object of that name, warnings and others.
func (f *fixture) told(name string) []corev1.Event {
	f.t.Helper()
	return f.cluster.Events(f.t, f.namespace, name)
}

// awaitTold waits for an event with the reason about the object of that name, and returns it.
func (f *fixture) awaitTold(name, reason string) corev1.Event {
	f.t.Helper()
	var found corev1.Event
	f.eventually(name+" is told "+reason, func() bool {
		events := f.told(name)
		i := slices.IndexFunc(events, func(e corev1.Event) bool { return e.Reason == reason })
		if i >= 0 {
			found = events[i]
		}
		return i >= 0
	})
	if found.Source.Component != component || found.InvolvedObject.Kind == "" {
		f.t.Errorf("event %+v", found)
	}
	return found
}

const component = "notification-controller"

// target is a service that events are sent to.
type target struct {
	URL string

	mu     sync.Mutex
	bodies []string
	header http.Header
	// answer decides what happens to a request; nil takes it.
	answer func(w http.ResponseWriter, r *http.Request)
}

func newTarget(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *target {
	t.Helper()
	s := &target{answer: answer}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL + "/hook?key=hunter2"
	return s
}

// ServeHTTP implements http.Handler.
func (s *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, string(body))
	s.header = r.Header
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
	}
}

func (s *target) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}
