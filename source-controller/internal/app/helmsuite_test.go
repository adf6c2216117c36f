// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"testing"
	"time"

	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

// helmFixture is a fixture with a Helm repository.
type helmFixture struct {
	*fixture
	helm *testkit.HelmServer
}

func newHelmFixture(t *testing.T, o testkit.HelmServerOptions, extra ...string) *helmFixture {
	t.Helper()
	return &helmFixture{fixture: newFixture(t, extra...), helm: testkit.NewHelmServer(t, o)}
}

// app is the chart of most tests.
func app(version string) testkit.Chart {
	return testkit.Chart{Name: "app", Version: version, Files: map[string]string{
		"values.yaml": "replicas: 1\nimage: {tag: a}\n", "prod.yaml": "replicas: 3\n", "templates/cm.yaml": "a: " + version,
	}}
}

// repository makes the HelmRepository "charts".
func (f *helmFixture) repository(edit ...func(*sourcev1.HelmRepository)) {
	f.t.Helper()
	o := &sourcev1.HelmRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "charts"}}
	o.Spec.URL, o.Spec.Interval.Duration = f.helm.URL, time.Hour
	for _, e := range edit {
		e(o)
	}
	f.cluster.Create(f.t, o)
}

// chart makes the HelmChart of that name, from the HelmRepository "charts" unless edit says otherwise.
func (f *helmFixture) chart(name string, edit ...func(*sourcev1.HelmChart)) {
	f.t.Helper()
	o := &sourcev1.HelmChart{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	o.Spec.Chart, o.Spec.Interval.Duration = "app", time.Hour
	o.Spec.SourceRef = sourcev1.LocalHelmChartSourceReference{Kind: sourcev1.HelmRepositoryKind, Name: "charts"}
	for _, e := range edit {
		e(o)
	}
	f.cluster.Create(f.t, o)
}

// fromGit makes a chart come from a path of the GitRepository "fleet".
func fromGit(path string) func(*sourcev1.HelmChart) {
	return func(o *sourcev1.HelmChart) {
		o.Spec.Chart = path
		o.Spec.SourceRef = sourcev1.LocalHelmChartSourceReference{Kind: sourcev1.GitRepositoryKind, Name: "fleet"}
	}
}

// helmObject is one of the two kinds.
type helmObject[T any] interface {
	*T
	conditions.Setter
}

// of are the objects of a kind in the namespace of the fixture.
func of[T any, O helmObject[T]](f *helmFixture) testkit.Kind[T, O] {
	return testkit.Kind[T, O]{Cluster: f.cluster, Namespace: f.namespace}
}

func read[T any, O helmObject[T]](f *helmFixture, name string) O {
	f.t.Helper()
	return of[T, O](f).Get(f.t, name)
}

// await returns the object once it is as is says.
func await[T any, O helmObject[T]](f *helmFixture, name, what string, is func(O) bool) O {
	f.t.Helper()
	return of[T, O](f).Await(f.t, name, what, is)
}

func edit[T any, O helmObject[T]](f *helmFixture, name string, change func(O)) {
	f.t.Helper()
	of[T, O](f).Change(f.t, name, change)
}

func remove[T any, O helmObject[T]](f *helmFixture, name string) {
	f.t.Helper()
	of[T, O](f).Remove(f.t, name)
}

func (f *helmFixture) readyRepository() *sourcev1.HelmRepository {
	f.t.Helper()
	return await(f, "charts", "Ready", func(o *sourcev1.HelmRepository) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
}

func (f *helmFixture) requestRepository() *sourcev1.HelmRepository {
	f.t.Helper()
	at := of[sourcev1.HelmRepository](f).Request(f.t, "charts")
	return await(f, "charts", "the requested run", func(o *sourcev1.HelmRepository) bool { return o.Status.LastHandledReconcileAt == at })
}

func (f *helmFixture) readyChart(name string) {
	f.t.Helper()
	await(f, name, "Ready", func(o *sourcev1.HelmChart) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
}

// version returns the chart once that version of it is published.
func (f *helmFixture) version(name, version string) *sourcev1.HelmChart {
	f.t.Helper()
	return await(f, name, "version "+version, func(o *sourcev1.HelmChart) bool {
		return o.Status.Artifact != nil && o.Status.Artifact.Revision == version && conditions.IsReady(o)
	})
}

func (f *helmFixture) requestChart(name string) {
	f.t.Helper()
	at := of[sourcev1.HelmChart](f).Request(f.t, name)
	await(f, name, "the requested run", func(o *sourcev1.HelmChart) bool { return o.Status.LastHandledReconcileAt == at })
}

// seen waits until the chart of that name, which is published, has seen the artifact of its repository: what the controller has in its caches is at
// least as new from then on.
func (f *helmFixture) seen(name string, o *sourcev1.HelmRepository) {
	f.t.Helper()
	await(f, name, "the artifact of its repository", func(c *sourcev1.HelmChart) bool {
		return c.Status.ObservedSourceArtifactRevision == o.Status.Artifact.Revision
	})
}

// load downloads and reads the published chart.
func (f *helmFixture) load(o *sourcev1.HelmChart) *helmchart.Chart {
	f.t.Helper()
	c, err := helmchart.LoadArchive(f.t.Context(), bytes.NewReader(f.download(o.Status.Artifact)), helmchart.Limits{})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}
