// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/acl"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/notification-controller/internal/webhook"
)

// patience is how long a test waits for the controller before it gives up; what works takes milliseconds.
const patience = 30 * time.Second

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, notificationv1.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, imagev1.AddToScheme,
	} {
		utilruntime.Must(add(s))
	}
	return s
}

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

// fixture is a namespace, and a controller with a webhook handler that sees only that namespace.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	requests  testkit.Requests
	namespace string
	log       *lockedBuffer
	open      http.Handler // follows references to other namespaces
	closed    http.Handler // does not
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	f := &fixture{t: t, cluster: cluster, namespace: cluster.Namespace(t, "rcv"), log: &lockedBuffer{}}
	f.start()
	return f
}

// start runs the controller until the test ends.
func (f *fixture) start() {
	f.t.Helper()
	f.t.Setenv("RUNTIME_NAMESPACE", f.namespace)
	ctx, cancel := context.WithCancel(context.Background())
	program := manager.Program{
		Name: "notification-controller", Options: &manager.CommonOptions{}, Scheme: scheme(), Kinds: []client.Object{&notificationv1.Receiver{}},
		Gates: map[string]bool{manager.GateCacheSecretsAndConfigMaps: false}, Setup: f.setup, Config: f.requests.Count(f.cluster.Config),
	}
	// Back-off is too long to wait for: what tests see comes from watches.
	args := []string{"--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces=false", "--min-retry-delay=10m", "--max-retry-delay=15m", "--log-level=debug"}
	var wg sync.WaitGroup
	wg.Go(func() {
		if code := manager.Run(ctx, program, args, f.log, f.log); code != 0 {
			f.t.Errorf("controller ended with code %d", code)
		}
	})
	f.t.Cleanup(func() {
		cancel()
		wg.Wait()
		if f.t.Failed() {
			f.t.Log(f.log.String())
		}
	})
	f.eventually("the controller to start", func() bool { return strings.Contains(f.log.String(), "Starting workers") })
}

func (f *fixture) setup(ctx context.Context, rt *manager.Runtime) error {
	mgr := rt.Manager
	secrets := &auth.Reader{Client: mgr.GetClient()}
	options := webhook.Options{
		Receivers: mgr.GetClient(), Live: mgr.GetAPIReader(), Client: mgr.GetClient(), Secrets: secrets, Clock: time.Now, Log: rt.Log,
	}
	var errs [2]error
	f.open, errs[0] = webhook.New(options)
	options.Access = acl.Options{NoCrossNamespaceRefs: true}
	f.closed, errs[1] = webhook.New(options)
	r := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Secrets: secrets, Recorder: rt.Events, Metrics: rt.Metrics, Jitter: rt.Jitter, Clock: time.Now,
		WatchSecrets: true,
	}
	return errors.Join(errs[0], errs[1], r.Setup(ctx, mgr, rt.ControllerOptions()))
}

func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("waited for %s in vain", what)
		}
	}
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
	r := &notificationv1.Receiver{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, r); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// change edits a Receiver.
func (f *fixture) change(name string, edit func(*notificationv1.Receiver)) {
	f.t.Helper()
	r := f.get(name)
	base := r.DeepCopy()
	edit(r)
	if err := f.cluster.Client.Patch(f.t.Context(), r, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// wait returns the Receiver once it is as the condition says.
func (f *fixture) wait(name, what string, is func(*notificationv1.Receiver) bool) *notificationv1.Receiver {
	f.t.Helper()
	var r *notificationv1.Receiver
	f.eventually(what, func() bool { r = f.get(name); return is(r) })
	return r
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
	at := time.Now().Format(time.RFC3339Nano)
	f.change(name, func(r *notificationv1.Receiver) {
		metav1.SetMetaDataAnnotation(&r.ObjectMeta, meta.ReconcileRequestAnnotation, at)
	})
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
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		if header != nil {
			r.Header = header.Clone()
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got = w.Code
		return got == want
	})
}

// events returns the Kubernetes Events about a Receiver as "type reason: message".
func (f *fixture) events(name string) []string {
	f.t.Helper()
	var list corev1.EventList
	if err := f.cluster.Client.List(f.t.Context(), &list, client.InNamespace(f.namespace)); err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name {
			all = append(all, e.Type+" "+e.Reason+": "+e.Message)
		}
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
	repo := &sourcev1.GitRepository{}
	err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, repo)
	if client.IgnoreNotFound(err) != nil {
		f.t.Fatal(err)
	}
	if apierrors.IsNotFound(err) {
		return ""
	}
	return repo.Annotations[meta.ReconcileRequestAnnotation]
}

// condition describes a condition, or says that it is absent.
func condition(r *notificationv1.Receiver, kind string) string {
	c := conditions.Get(r, kind)
	if c == nil {
		return "absent"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}
