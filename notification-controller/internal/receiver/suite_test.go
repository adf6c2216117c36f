// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/acl"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
	"github.com/weir-gitops/weir/notification-controller/internal/webhook"
)

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

func scheme() *runtime.Scheme {
	return manager.Scheme(notificationv1.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, imagev1.AddToScheme)
}

// fixture is a namespace, and a controller with a webhook handler that sees only that namespace.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	requests  testkit.Requests
	namespace string
	receivers testkit.Kind[notificationv1.Receiver, *notificationv1.Receiver]
	log       *testkit.Buffer
	open      http.Handler // follows references to other namespaces
	closed    http.Handler // does not
	behind    http.Handler // knows no Receiver from its cache
}

// blank is a cache that has heard of nothing yet.
type blank struct{ client.Reader }

// List implements client.Reader.
func (blank) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func newFixture(t *testing.T) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{t: t, cluster: cluster, namespace: cluster.Namespace(t, "rcv")}
	f.receivers.Cluster, f.receivers.Namespace = f.cluster, f.namespace
	f.start()
	return f
}

// start runs the controller until the test ends.
func (f *fixture) start() {
	f.t.Helper()
	f.log = process.Start(f.t, process.Options{
		Program: func() manager.Program {
			return manager.Program{
				Name: "notification-controller", Options: &manager.CommonOptions{}, Scheme: scheme(), Kinds: []client.Object{&notificationv1.Receiver{}},
				Gates: map[string]bool{manager.GateCacheSecretsAndConfigMaps: false}, Setup: f.setup,
			}
		},
		Config: f.requests.Count(f.cluster.Config), Namespace: f.namespace,
		// Back-off is too long to wait for: what tests see comes from watches.
		Args: []string{"--min-retry-delay=10m", "--max-retry-delay=15m", "--log-level=debug"},
	}).Log
}

func (f *fixture) setup(ctx context.Context, rt *manager.Runtime) error {
	mgr := rt.Manager
	secrets := &auth.Reader{Client: mgr.GetClient()}
	options := webhook.Options{
		Receivers: mgr.GetClient(), Live: mgr.GetAPIReader(), Client: mgr.GetClient(), Secrets: secrets, Clock: time.Now, Log: rt.Log,
		Namespace: rt.Options.WatchedNamespace(),
	}
	var errs [3]error
	f.open, errs[0] = webhook.New(options)
	options.Access = acl.Options{NoCrossNamespaceRefs: true}
	f.closed, errs[1] = webhook.New(options)
	options.Receivers = blank{}
	f.behind, errs[2] = webhook.New(options)
	r := &Reconciler{
		Dependencies: rt.Dependencies(), Secrets: secrets,
		WatchSecrets: true,
	}
	return errors.Join(errors.Join(errs[:]...), r.Setup(ctx, mgr, rt.ControllerOptions()))
}

func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	testkit.Eventually(f.t, what, is)
}

// secret creates a Secret that the controller watches.
func (f *fixture) secret(name string, data map[string]string) {
	f.t.Helper()
	secret := testkit.Secret(f.namespace, name, data)
	secret.Labels = map[string]string{meta.LabelKeyWatch: meta.LabelValueWatchEnabled}
	f.cluster.Create(f.t, secret)
}

// receiver creates a Receiver of type generic that wakes nothing unless edit says otherwise.
func (f *fixture) receiver(name string, edit ...func(*notificationv1.Receiver)) {
	f.t.Helper()
	r := &notificationv1.Receiver{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	r.Spec.Type, r.Spec.SecretRef = notificationv1.GenericReceiver, &meta.LocalObjectReference{Name: "token"}
	r.Spec.Resources = []notificationv1.ReceiverResource{}
	for _, e := range edit {
		e(r)
	}
	f.cluster.Create(f.t, r)
}

func (f *fixture) get(name string) *notificationv1.Receiver {
	f.t.Helper()
	return f.receivers.Get(f.t, name)
}

// change edits a Receiver.
func (f *fixture) change(name string, edit func(*notificationv1.Receiver)) {
	f.t.Helper()
	f.receivers.Change(f.t, name, edit)
}

// wait returns the Receiver once it is as the condition says.
func (f *fixture) wait(name, what string, is func(*notificationv1.Receiver) bool) *notificationv1.Receiver {
	f.t.Helper()
	return f.receivers.Await(f.t, name, what, is)
}

func (f *fixture) ready(name string) *notificationv1.Receiver {
	f.t.Helper()
	return f.wait(name, "Ready", func(r *notificationv1.Receiver) bool {
		return conditions.IsReady(r) && r.Status.ObservedGeneration == r.Generation
	})
}

// request asks for a run and returns the object after it.
func (f *fixture) request(name string) *notificationv1.Receiver {
	f.t.Helper()
	at := f.receivers.Request(f.t, name)
	return f.wait(name, "the requested run", func(r *notificationv1.Receiver) bool { return r.Status.LastHandledReconcileAt == at })
}

// post sends a webhook until the handler, which reads from a cache, answers with that status.
func (f *fixture) post(h http.Handler, path string, header http.Header, body string, want int) {
	f.t.Helper()
	got := 0
	defer func() {
		if f.t.Failed() {
			f.t.Logf("want %d, got %d", want, got)
		}
	}()
	f.eventually(fmt.Sprintf("an answer %d", want), func() bool {
		got = once(h, path, header, body)
		return got == want
	})
}

// once sends a webhook and returns the answer.
func once(h http.Handler, path string, header http.Header, body string) int {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if header != nil {
		r.Header = header.Clone()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// events returns the Kubernetes Events about a Receiver as "type reason: message".
func (f *fixture) events(name string) []string {
	f.t.Helper()
	var all []string
	for _, e := range f.cluster.Events(f.t, f.namespace, name) {
		all = append(all, e.Type+" "+e.Reason+": "+e.Message)
	}
	return all
}

// repository creates a GitRepository, which no controller looks after.
func (f *fixture) repository(namespace, name string, labels map[string]string) {
	f.t.Helper()
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}}
	repo.Spec.URL = "https://host.invalid/x"
	repo.Spec.Interval.Duration = time.Hour
	f.cluster.Create(f.t, repo)
}

// woken tells when a GitRepository was last asked to run, empty for never.
func (f *fixture) woken(namespace, name string) string {
	f.t.Helper()
	repo := testkit.Kind[sourcev1.GitRepository, *sourcev1.GitRepository]{Cluster: f.cluster, Namespace: namespace}.Find(f.t, name)
	if repo == nil {
		return ""
	}
	return repo.Annotations[meta.ReconcileRequestAnnotation]
}
