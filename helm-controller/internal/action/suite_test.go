// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"helm.sh/helm/v3/pkg/chart"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/testkit"
)

var suite testkit.Suite //nolint:gochecknoglobals // one API server for all tests

func TestMain(m *testing.M) {
	apart.Main()
	os.Exit(suite.Main(m))
}

// patience bounds the waits of actions in all tests that do not say otherwise. It is longer than any test takes: what has to end earlier does so for a
// reason of its own.
const patience = time.Hour

// rig is a runner on a namespace of its own.
type rig struct {
	tb       testing.TB
	runner   *action.Runner
	clients  *cluster.Clients
	ledger   *storage.Ledger
	requests *testkit.Requests
	ns       string
	obj      *helmv2.HelmRelease
	woken    chan types.NamespacedName
	live     client.Client
}

// newRig returns a rig with a HelmRelease that is not in the cluster: actions only read it.
func newRig(tb testing.TB, tune ...func(*kube.Config)) *rig {
	tb.Helper()
	server := suite.Cluster(tb)
	r := &rig{tb: tb, requests: &testkit.Requests{}, live: server.Client, woken: make(chan types.NamespacedName, 100)}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "action-"}}
	r.must(server.Client.Create(tb.Context(), ns))
	r.ns = ns.Name
	pool, err := cluster.NewPool(r.requests.Count(server.Config), clientgoscheme.Scheme)
	r.must(err)
	r.clients, err = pool.Local(tb.Context(), types.NamespacedName{})
	r.must(err)
	cfg := kube.Config{Clients: r.clients, Logger: logr.Discard(), Wake: func(o types.NamespacedName) { r.woken <- o }}
	for _, f := range tune {
		f(&cfg)
	}
	shared, err := kube.New(cfg)
	r.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- shared.Start(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			tb.Error(err)
		}
	})
	r.runner = &action.Runner{Cluster: shared}
	r.ledger = storage.NewLedger(storage.LedgerOptions{Logger: logr.Discard()})
	r.obj = &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: r.ns, Name: "app", UID: "1"}}
	r.obj.Spec.Timeout = &metav1.Duration{Duration: patience}
	return r
}

func (r *rig) must(err error) {
	r.tb.Helper()
	if err != nil {
		r.tb.Fatal(err)
	}
}

// target opens the storage anew, as each reconcile does.
func (r *rig) target(a release.Action) action.Target {
	target := r.unclosed(a)
	r.tb.Cleanup(target.Store.Close)
	return target
}

// unclosed is target for an action that never comes to an end.
func (r *rig) unclosed(a release.Action) action.Target {
	session := r.ledger.Open(storage.Target{Client: r.clients.Client, Namespace: r.ns, Release: "app"})
	return action.Target{
		Object: r.obj, Name: "app", Namespace: r.ns, Clients: r.clients, Store: session,
		Intent: release.Intent{Owner: r.obj.UID, Action: a}, Log: testr.New(r.testing()),
	}
}

func (r *rig) testing() *testing.T {
	t, ok := r.tb.(*testing.T)
	if !ok {
		r.tb.Fatal("not a test")
	}
	return t
}

func (r *rig) install(c *chart.Chart, values map[string]any) (action.Outcome, error) {
	return r.runner.Install(r.tb.Context(), r.target(release.ActionInstall), c, nonNil(values))
}

func (r *rig) upgrade(c *chart.Chart, values map[string]any) (action.Outcome, error) {
	return r.runner.Upgrade(r.tb.Context(), r.target(release.ActionUpgrade), c, nonNil(values))
}

func nonNil(values map[string]any) map[string]any {
	if values == nil {
		return map[string]any{}
	}
	return values
}

// newest returns the newest stored revision.
func (r *rig) newest() *release.Revision {
	r.tb.Helper()
	newest, err := r.target("").Store.Newest(r.tb.Context())
	r.must(err)
	return newest
}

// get reads a live object; nil if it is not there.
func (r *rig) get(apiVersion, kind, name string) *unstructured.Unstructured {
	r.tb.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(schema.FromAPIVersionAndKind(apiVersion, kind))
	err := r.live.Get(r.tb.Context(), client.ObjectKey{Namespace: r.ns, Name: name}, u)
	if client.IgnoreNotFound(err) != nil {
		r.tb.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return u
}

// data returns a key of a live ConfigMap.
func (r *rig) data(name, key string) string {
	r.tb.Helper()
	u := r.get("v1", "ConfigMap", name)
	if u == nil {
		return "<gone>"
	}
	value, _, err := unstructured.NestedString(u.Object, "data", key)
	r.must(err)
	return value
}

// eventually waits for something that somebody else does.
func (r *rig) eventually(what string, done func() bool) {
	r.tb.Helper()
	testkit.Eventually(r.tb, what, done)
}

// newChart returns a chart with the given files, by path.
func newChart(version string, files map[string]string) *chart.Chart {
	c := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "app", Version: version, AppVersion: "1.0"},
		Values:   map[string]any{},
	}
	for name, content := range files {
		f := &chart.File{Name: name, Data: []byte(content)}
		if strings.HasPrefix(name, "templates/") {
			c.Templates = append(c.Templates, f)
			continue
		}
		c.Files = append(c.Files, f)
	}
	return c
}

// configMap is a template of a ConfigMap.
func configMap(name, annotations, data string) string {
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
	if annotations != "" {
		text += "  annotations:\n    " + annotations + "\n"
	}
	return text + "data:\n  " + data + "\n"
}

// tenMaps is a chart of ten ConfigMaps that hold a value.
func tenMaps(version string) *chart.Chart {
	files := map[string]string{}
	for i := range 10 {
		files[fmt.Sprintf("templates/cm%d.yaml", i)] = configMap(fmt.Sprintf("cm%d", i), "", `v: "{{ .Values.v | default 1 }}"`)
	}
	return newChart(version, files)
}

// operations returns the operations of our field manager on a live object.
func operations(u *unstructured.Unstructured) []string {
	var ops []string
	for _, e := range u.GetManagedFields() {
		if e.Manager == kube.FieldManager && e.Subresource == "" {
			ops = append(ops, string(e.Operation))
		}
	}
	return ops
}

func (r *rig) configMapObject(name string, data map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": r.ns}, "data": data,
	}}
}

// wantError checks that an error says what it should.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func timeoutOf(obj *helmv2.HelmRelease, a release.Action) time.Duration {
	return action.Timeout(obj, a)
}
