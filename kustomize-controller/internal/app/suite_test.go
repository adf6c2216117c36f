// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/kit/testkit/process"
)

var suite = testkit.Suite{Scheme: scheme()} //nolint:gochecknoglobals // one API server for the package

func TestMain(m *testing.M) {
	kustomize.BoundRemotes() // once, before anything looks at the transport that it replaces
	os.Exit(suite.Main(m))
}

// fixture is one namespace with a source whose artifacts the test makes.
type fixture struct {
	t              *testing.T
	cluster        *testkit.Cluster
	config         *rest.Config // of the controllers that start
	artifacts      *testkit.ArtifactServer
	namespace      string
	kustomizations testkit.Kind[kustomizev1.Kustomization, *kustomizev1.Kustomization]
	revisions      int
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
	f := &fixture{t: t, cluster: suite.Cluster(t), artifacts: testkit.NewArtifactServer(t)}
	f.config, f.namespace = f.cluster.Config, f.cluster.Namespace(t, "ks")
	f.kustomizations.Cluster, f.kustomizations.Namespace = f.cluster, f.namespace
	return f
}

// in returns the fixture for a part of the test.
func (f fixture) in(t *testing.T) *fixture {
	t.Helper()
	f.t = t
	return &f
}

func (f *fixture) start(args ...string) *process.Process {
	f.t.Helper()
	return process.Start(f.t, process.Options{
		Program: Program, Config: f.config, Namespace: f.namespace,
		Args: append([]string{"--requeue-dependency=5s", "--artifact-cache-path=" + f.t.TempDir()}, args...),
	})
}

// push makes the files the latest artifact of the GitRepository "fleet" and returns its revision.
func (f *fixture) push(files map[string]string) string {
	f.t.Helper()
	f.revisions++
	revision := fmt.Sprintf("main@sha1:%040d", f.revisions)
	f.publish(f.artifacts.Add(f.t, revision, files))
	return revision
}

// publish shows the artifact in the status of the GitRepository "fleet", as source-controller would.
func (f *fixture) publish(artifact *meta.Artifact) {
	f.t.Helper()
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}}
	repo.Spec.URL, repo.Spec.Interval.Duration = "https://example.com/fleet", time.Hour
	sources := testkit.Kind[sourcev1.GitRepository, *sourcev1.GitRepository]{Cluster: f.cluster, Namespace: f.namespace}
	sources.Report(f.t, repo, func(o *sourcev1.GitRepository) { o.Status.Artifact = artifact })
}

// create creates a Kustomization of the source "fleet" that prunes, with an interval that no test reaches.
func (f *fixture) create(name, path string, edit func(*kustomizev1.Kustomization)) {
	f.t.Helper()
	ks := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	ks.Spec.Interval.Duration = time.Hour
	ks.Spec.Path, ks.Spec.Prune = path, true
	ks.Spec.SourceRef.Kind, ks.Spec.SourceRef.Name = sourcev1.GitRepositoryKind, "fleet"
	if edit != nil {
		edit(ks)
	}
	f.cluster.Create(f.t, ks)
}

func (f *fixture) get(name string) *kustomizev1.Kustomization {
	f.t.Helper()
	return f.kustomizations.Get(f.t, name)
}

// change edits the Kustomization "app".
func (f *fixture) change(edit func(*kustomizev1.Kustomization)) {
	f.t.Helper()
	f.kustomizations.Change(f.t, "app", edit)
}

// await waits until the Kustomization satisfies the condition.
func (f *fixture) await(name, what string, ok func(*kustomizev1.Kustomization) bool) *kustomizev1.Kustomization {
	f.t.Helper()
	return f.kustomizations.Await(f.t, name, what, ok)
}

// awaitReady waits until the Kustomization has applied the revision.
func (f *fixture) awaitReady(name, revision string) *kustomizev1.Kustomization {
	f.t.Helper()
	return f.await(name, name+" applies "+revision, func(ks *kustomizev1.Kustomization) bool {
		return conditions.IsReady(ks) && ks.Status.LastAppliedRevision == revision && ks.Status.ObservedGeneration == ks.Generation
	})
}

// awaitReason waits until the Kustomization is not ready for that reason.
func (f *fixture) awaitReason(name, reason string) {
	f.t.Helper()
	f.await(name, name+" fails with "+reason, func(ks *kustomizev1.Kustomization) bool {
		return conditions.GetReason(ks, meta.ReadyCondition) == reason
	})
}

// eventually waits until something is so.
func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	testkit.Eventually(f.t, what, is)
}

// configMap reads a ConfigMap of the namespace, nil when it is not there.
func (f *fixture) configMap(name string) *corev1.ConfigMap {
	f.t.Helper()
	return f.cluster.FindConfigMap(f.t, f.namespace, name)
}

// manifest is a ConfigMap in the namespace of the fixture.
func (f *fixture) manifest(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s\ndata:\n  value: %q\n", name, f.namespace, value)
}

// roll makes the Deployment available.
func (f *fixture) roll(name string) {
	f.t.Helper()
	f.cluster.RollOut(f.t, f.namespace, name)
}
