// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

func read[T any, O helmObject[T]](f *helmFixture, name string) O {
	f.t.Helper()
	o := O(new(T))
	if err := f.cluster.Client.Get(context.WithoutCancel(f.t.Context()), client.ObjectKey{Namespace: f.namespace, Name: name}, o); err != nil {
		f.t.Fatal(err)
	}
	return o
}

// await returns the object once it is as is says.
func await[T any, O helmObject[T]](f *helmFixture, name, what string, is func(O) bool) O {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		o := read[T, O](f, name)
		if is(o) {
			return o
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waited for %s in vain; conditions: %+v", what, o.GetConditions())
		}
	}
}

func edit[T any, O helmObject[T]](f *helmFixture, name string, change func(O)) {
	f.t.Helper()
	o := read[T, O](f, name)
	base, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		f.t.Fatal("no object")
	}
	change(o)
	if err := f.cluster.Client.Patch(f.t.Context(), o, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

func remove[T any, O helmObject[T]](f *helmFixture, name string) {
	f.t.Helper()
	o := read[T, O](f, name)
	if err := f.cluster.Client.Delete(f.t.Context(), o); err != nil {
		f.t.Fatal(err)
	}
	eventually(f.t, "the object to go", func() bool {
		return f.cluster.Client.Get(f.t.Context(), client.ObjectKeyFromObject(o), O(new(T))) != nil
	})
}

func (f *helmFixture) readyRepository() *sourcev1.HelmRepository {
	f.t.Helper()
	return await(f, "charts", "Ready", func(o *sourcev1.HelmRepository) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
}

func (f *helmFixture) requestRepository() *sourcev1.HelmRepository {
	f.t.Helper()
	at := time.Now().Format(time.RFC3339Nano)
	edit(f, "charts", func(o *sourcev1.HelmRepository) { annotate(o, at) })
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

func (f *helmFixture) requestChart(name string) *sourcev1.HelmChart {
	f.t.Helper()
	at := time.Now().Format(time.RFC3339Nano)
	edit(f, name, func(o *sourcev1.HelmChart) { annotate(o, at) })
	return await(f, name, "the requested run", func(o *sourcev1.HelmChart) bool { return o.Status.LastHandledReconcileAt == at })
}

func annotate(o client.Object, at string) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[meta.ReconcileRequestAnnotation] = at
	o.SetAnnotations(annotations)
}

// describe tells a condition, or that it is absent.
func describe(o conditions.Getter, kind string) string {
	c := conditions.Get(o, kind)
	if c == nil {
		return "absent"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
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

// kept lists what is stored for an object, without locks.
func (f *helmFixture) kept(kind, name string) []string {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.storage, kind, f.namespace, name))
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}
