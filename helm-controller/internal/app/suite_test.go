// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	helmrelease "helm.sh/helm/v3/pkg/release"
	helmstorage "helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
)

// patience is how long a test waits for the controller before it gives up; what works takes milliseconds.
const patience = 30 * time.Second

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }

// process is a running controller.
type process struct {
	cancel context.CancelFunc
	done   chan int
	log    *lockedBuffer
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

// startController runs the controller until the test ends or stop is called.
func startController(t *testing.T, config *rest.Config, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{cancel: cancel, done: make(chan int, 1), log: &lockedBuffer{}}
	program := Program()
	program.Config = config
	args = append([]string{
		"--metrics-addr=0", "--health-addr=0", "--requeue-dependency=5s", "--min-retry-delay=50ms", "--http-retry=0", "--log-level=debug",
		"--artifact-cache-path=" + t.TempDir(),
	}, args...)
	// The program sets the logger of the process before it sets itself up; a test that goes on before would race with it.
	begun, setup := make(chan struct{}), program.Setup
	program.Setup = func(ctx context.Context, rt *manager.Runtime) error {
		close(begun)
		return setup(ctx, rt)
	}
	go func() { p.done <- manager.Run(ctx, program, args, p.log, p.log) }()
	select {
	case <-begun:
	case code := <-p.done: // it could not start
		p.done <- code
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	return p
}

func (p *process) stop() {
	p.cancel()
	code := <-p.done
	p.done <- code
}

// fixture is one namespace with charts that the test makes.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	config    *rest.Config // of the controllers that start
	artifacts *testkit.ArtifactServer
	events    *testkit.EventSink
	namespace string
}

// newFixture starts a controller of its own for the test, which sees only the test's namespace.
func newFixture(t *testing.T, args ...string) *fixture {
	t.Helper()
	f := newIdleFixture(t)
	f.start(args...)
	return f
}

// newIdleFixture leaves it to the test to start a controller.
func newIdleFixture(t *testing.T) *fixture {
	t.Helper()
	cluster := suite.Cluster(t)
	return &fixture{
		t: t, cluster: cluster, config: cluster.Config, artifacts: testkit.NewArtifactServer(t), events: testkit.NewEventSink(t),
		namespace: cluster.Namespace(t, "hr"),
	}
}

func (f *fixture) start(args ...string) *process {
	f.t.Helper()
	f.t.Setenv("RUNTIME_NAMESPACE", f.namespace)
	return startController(f.t, f.config, append([]string{"--watch-all-namespaces=false", "--events-addr=" + f.events.URL}, args...)...)
}

// chart is a chart of one ConfigMap <release>-config, which shows the value "value" and is refused by the API server when "broken" is set.
func chart(version string, files map[string]string) testkit.Chart {
	c := testkit.Chart{Name: "demo", Version: version, AppVersion: "1", Files: map[string]string{
		"values.yaml": "value: one\nbroken: false\n",
		"templates/config.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
  {{- if .Values.broken }}
  labels: {broken: "not valid!"}
  {{- end }}
data:
  value: {{ required "a value is needed" .Values.value | quote }}
  version: {{ .Chart.Version }}
`,
	}}
	maps.Copy(c.Files, files)
	return c
}

// publish shows the chart in the status of the HelmChart "demo", as source-controller would.
func (f *fixture) publish(c testkit.Chart) *meta.Artifact {
	f.t.Helper()
	artifact := f.artifacts.AddBytes(c.Package(f.t), c.Version)
	f.show("demo", artifact)
	return artifact
}

func (f *fixture) show(name string, artifact *meta.Artifact) {
	f.t.Helper()
	obj := &sourcev1.HelmChart{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	err := f.cluster.Client.Get(f.t.Context(), client.ObjectKeyFromObject(obj), obj)
	if apierrors.IsNotFound(err) {
		obj.Spec.Chart, obj.Spec.Interval.Duration = "demo", time.Hour
		obj.Spec.SourceRef.Kind, obj.Spec.SourceRef.Name = sourcev1.HelmRepositoryKind, "charts"
		err = f.cluster.Client.Create(f.t.Context(), obj)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	base := obj.DeepCopy()
	obj.Status.Artifact, obj.Status.ObservedGeneration = artifact, obj.Generation
	if err := f.cluster.Client.Status().Patch(f.t.Context(), obj, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// create creates a HelmRelease of the HelmChart "demo", with an interval that no test reaches.
func (f *fixture) create(name string, edit func(*helmv2.HelmRelease)) {
	f.t.Helper()
	hr := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	hr.Spec.Interval.Duration = time.Hour
	hr.Spec.Timeout = &metav1.Duration{Duration: 20 * time.Second}
	hr.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: sourcev1.HelmChartKind, Name: "demo"}
	if edit != nil {
		edit(hr)
	}
	f.cluster.Create(f.t, hr)
}

// with makes values.
func with(values map[string]any) *apiextensionsv1.JSON {
	raw, err := json.Marshal(values)
	if err != nil {
		panic(err)
	}
	return &apiextensionsv1.JSON{Raw: raw}
}

func (f *fixture) get(name string) *helmv2.HelmRelease {
	f.t.Helper()
	hr := &helmv2.HelmRelease{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, hr); err != nil {
		f.t.Fatal(err)
	}
	return hr
}

// change edits the HelmRelease "app".
func (f *fixture) change(edit func(*helmv2.HelmRelease)) {
	f.t.Helper()
	hr := f.get("app")
	base := hr.DeepCopy()
	edit(hr)
	if err := f.cluster.Client.Patch(f.t.Context(), hr, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// request asks for a run of "app", and for what the further annotations ask.
func (f *fixture) request(token string, annotations ...string) {
	f.t.Helper()
	f.change(func(hr *helmv2.HelmRelease) {
		if hr.Annotations == nil {
			hr.Annotations = map[string]string{}
		}
		for _, a := range append(annotations, meta.ReconcileRequestAnnotation) {
			hr.Annotations[a] = token
		}
	})
}

// confirmed waits until the request was dealt with.
func (f *fixture) confirmed(token string) *helmv2.HelmRelease {
	f.t.Helper()
	return f.await("app", "the request "+token+" is confirmed", func(hr *helmv2.HelmRelease) bool { return hr.Status.LastHandledReconcileAt == token })
}

// await waits until the HelmRelease satisfies the condition.
func (f *fixture) await(name, what string, ok func(*helmv2.HelmRelease) bool) *helmv2.HelmRelease {
	f.t.Helper()
	var hr *helmv2.HelmRelease
	f.eventually(what, func() bool { hr = f.get(name); return ok(hr) }, func() string {
		text, err := json.MarshalIndent(hr.Status, "", " ")
		if err != nil {
			return err.Error()
		}
		return string(text)
	})
	return hr
}

// awaitRevision waits until that revision of the release is ready.
func (f *fixture) awaitRevision(name string, version int) *helmv2.HelmRelease {
	f.t.Helper()
	return f.await(name, fmt.Sprintf("revision %d of %s is ready", version, name), func(hr *helmv2.HelmRelease) bool {
		latest := hr.Status.History.Latest()
		return conditions.IsReady(hr) && hr.Status.ObservedGeneration == hr.Generation && latest != nil && latest.Version == version
	})
}

// awaitReason waits until the HelmRelease is not ready for that reason.
func (f *fixture) awaitReason(name, reason string) *helmv2.HelmRelease {
	f.t.Helper()
	return f.await(name, name+" fails with "+reason, func(hr *helmv2.HelmRelease) bool {
		return conditions.IsFalse(hr, meta.ReadyCondition) && conditions.GetReason(hr, meta.ReadyCondition) == reason
	})
}

// awaitStalled waits until the HelmRelease is stalled for that reason.
func (f *fixture) awaitStalled(reason string) *helmv2.HelmRelease {
	f.t.Helper()
	return f.await("app", "app stalls with "+reason, func(hr *helmv2.HelmRelease) bool {
		return conditions.GetReason(hr, meta.StalledCondition) == reason && hr.Status.ObservedGeneration == hr.Generation
	})
}

func (f *fixture) awaitGone(name string) {
	f.t.Helper()
	f.eventually(name+" is gone", func() bool {
		err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, &helmv2.HelmRelease{})
		return apierrors.IsNotFound(err)
	}, nil)
}

// remove deletes "app" and waits until it is gone.
func (f *fixture) remove() {
	f.t.Helper()
	if err := f.cluster.Client.Delete(f.t.Context(), f.get("app")); err != nil {
		f.t.Fatal(err)
	}
	f.awaitGone("app")
}

// eventually polls the API server: there is no other way to see what a controller has done.
func (f *fixture) eventually(what string, ok func() bool, state func() string) {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			text := ""
			if state != nil {
				text = ": " + state()
			}
			f.t.Fatalf("not within %s: %s%s", patience, what, text)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at a real API server
	}
}

// configMap reads a ConfigMap of the namespace, nil when it is not there.
func (f *fixture) configMap(name string) *corev1.ConfigMap {
	f.t.Helper()
	cm := &corev1.ConfigMap{}
	err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, cm)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return cm
}

// helm is Helm's own storage of the namespace, as its command sees it.
func (f *fixture) helm() *helmstorage.Storage {
	f.t.Helper()
	clients, err := kubernetes.NewForConfig(f.cluster.Config)
	if err != nil {
		f.t.Fatal(err)
	}
	return helmstorage.Init(driver.NewSecrets(clients.CoreV1().Secrets(f.namespace)))
}

// revisions lists what Helm's storage has of a release, as "<version> <status>", oldest first.
func (f *fixture) revisions(name string) []string {
	f.t.Helper()
	stored, err := f.helm().History(name)
	if err != nil && !isNotFound(err) {
		f.t.Fatal(err)
	}
	slices.SortFunc(stored, func(a, b *helmrelease.Release) int { return a.Version - b.Version })
	var lines []string
	for _, r := range stored {
		lines = append(lines, fmt.Sprintf("%d %s", r.Version, r.Info.Status))
	}
	return lines
}
