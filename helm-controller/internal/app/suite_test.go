// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	helmkube "helm.sh/helm/v3/pkg/kube"
	helmrelease "helm.sh/helm/v3/pkg/release"
	helmstorage "helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
)

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) {
	runProgram()
	// Programs that start side by side would each set this variable of Helm, as the first one to come does.
	helmkube.ManagedFieldsManager = name
	os.Exit(suite.Main(m))
}

// fixture is one namespace with charts that the test makes.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	config    *rest.Config // of the controllers that start
	artifacts *testkit.ArtifactServer
	events    *testkit.EventSink
	namespace string
	releases  testkit.Kind[helmv2.HelmRelease, *helmv2.HelmRelease]
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
	f := &fixture{t: t, cluster: suite.Cluster(t), artifacts: testkit.NewArtifactServer(t), events: testkit.NewEventSink(t)}
	f.config, f.namespace = f.cluster.Config, f.cluster.Namespace(t, "hr")
	f.releases.Cluster, f.releases.Namespace = f.cluster, f.namespace
	return f
}

func (f *fixture) start(args ...string) *process.Process {
	f.t.Helper()
	return process.Start(f.t, process.Options{Program: Program, Config: f.config, Namespace: f.namespace, Args: append([]string{
		"--events-addr=" + f.events.URL, "--requeue-dependency=5s", "--min-retry-delay=50ms", "--http-retry=0", "--log-level=debug",
		"--artifact-cache-path=" + f.t.TempDir(),
	}, args...)})
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
	obj := &sourcev1.HelmChart{ObjectMeta: metav1.ObjectMeta{Name: name}}
	obj.Spec.Chart, obj.Spec.Interval.Duration = "demo", time.Hour
	obj.Spec.SourceRef.Kind, obj.Spec.SourceRef.Name = sourcev1.HelmRepositoryKind, "charts"
	charts := testkit.Kind[sourcev1.HelmChart, *sourcev1.HelmChart]{Cluster: f.cluster, Namespace: f.namespace}
	charts.Report(f.t, obj, func(o *sourcev1.HelmChart) { o.Status.Artifact, o.Status.ObservedGeneration = artifact, o.Generation })
}

// create creates a HelmRelease of the HelmChart "demo", with an interval that no test reaches.
func (f *fixture) create(name string, edit func(*helmv2.HelmRelease)) {
	f.t.Helper()
	hr := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	hr.Spec.Interval.Duration = time.Hour
	hr.Spec.Timeout = &metav1.Duration{Duration: time.Hour} // what a test waits for in vain ends with its patience
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

// get reads the HelmRelease "app".
func (f *fixture) get() *helmv2.HelmRelease {
	f.t.Helper()
	return f.releases.Get(f.t, "app")
}

// change edits the HelmRelease "app".
func (f *fixture) change(edit func(*helmv2.HelmRelease)) {
	f.t.Helper()
	f.releases.Change(f.t, "app", edit)
}

// request asks for a run of "app", and for what the further annotations ask.
func (f *fixture) request(token string, annotations ...string) {
	f.t.Helper()
	f.change(func(hr *helmv2.HelmRelease) {
		testkit.Annotate(hr, token, append(annotations, meta.ReconcileRequestAnnotation)...)
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
	return f.releases.Await(f.t, name, what, ok)
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
	f.releases.AwaitGone(f.t, name)
}

// remove deletes "app" and waits until it is gone.
func (f *fixture) remove() {
	f.t.Helper()
	f.releases.Remove(f.t, "app")
}

// eventually waits until something is so.
func (f *fixture) eventually(what string, is func() bool, state ...func() string) {
	f.t.Helper()
	testkit.Eventually(f.t, what, is, state...)
}

// configMap reads a ConfigMap of the namespace, nil when it is not there.
func (f *fixture) configMap(name string) *corev1.ConfigMap {
	f.t.Helper()
	return f.cluster.FindConfigMap(f.t, f.namespace, name)
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
