// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
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

// startController runs the controller against the API server of the suite until the test ends or stop is called.
func startController(t *testing.T, cluster *testkit.Cluster, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{cancel: cancel, done: make(chan int, 1), log: &lockedBuffer{}}
	program := Program()
	program.Config = cluster.Config
	args = append([]string{"--metrics-addr=0", "--health-addr=0", "--requeue-dependency=5s", "--artifact-cache-path=" + t.TempDir()}, args...)
	go func() { p.done <- manager.Run(ctx, program, args, p.log, p.log) }()
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

// fixture is one namespace with a source whose artifacts the test makes.
type fixture struct {
	t         *testing.T
	cluster   *testkit.Cluster
	artifacts *testkit.ArtifactServer
	namespace string
	revisions int
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
	return &fixture{t: t, cluster: cluster, artifacts: testkit.NewArtifactServer(t), namespace: cluster.Namespace(t, "ks")}
}

func (f *fixture) start(args ...string) *process {
	f.t.Helper()
	f.t.Setenv("RUNTIME_NAMESPACE", f.namespace)
	return startController(f.t, f.cluster, append([]string{"--watch-all-namespaces=false"}, args...)...)
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
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "fleet"}}
	err := f.cluster.Client.Get(f.t.Context(), client.ObjectKeyFromObject(repo), repo)
	if apierrors.IsNotFound(err) {
		repo.Spec.URL, repo.Spec.Interval.Duration = "https://example.com/fleet", time.Hour
		err = f.cluster.Client.Create(f.t.Context(), repo)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	base := repo.DeepCopy()
	repo.Status.Artifact = artifact
	if err := f.cluster.Client.Status().Patch(f.t.Context(), repo, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
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
	ks := &kustomizev1.Kustomization{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, ks); err != nil {
		f.t.Fatal(err)
	}
	return ks
}

// change edits the Kustomization "app".
func (f *fixture) change(edit func(*kustomizev1.Kustomization)) {
	f.t.Helper()
	ks := f.get("app")
	base := ks.DeepCopy()
	edit(ks)
	if err := f.cluster.Client.Patch(f.t.Context(), ks, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// await waits until the Kustomization satisfies the condition.
func (f *fixture) await(name, what string, ok func(*kustomizev1.Kustomization) bool) *kustomizev1.Kustomization {
	f.t.Helper()
	var ks *kustomizev1.Kustomization
	f.eventually(what, func() bool { ks = f.get(name); return ok(ks) }, func() string { return fmt.Sprintf("%+v", ks.Status) })
	return ks
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

// eventually polls the API server: there is no other way to see what a controller has done.
func (f *fixture) eventually(what string, ok func() bool, state func() string) {
	f.t.Helper()
	f.within(patience, what, ok, state)
}

// within is eventually for what the contract itself makes slow.
func (f *fixture) within(limit time.Duration, what string, ok func() bool, state func() string) {
	f.t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			text := ""
			if state != nil {
				text = ": " + state()
			}
			f.t.Fatalf("not within %s: %s%s", limit, what, text)
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

// manifest is a ConfigMap in the namespace of the fixture.
func (f *fixture) manifest(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s\ndata:\n  value: %q\n", name, f.namespace, value)
}

// roll does what the controller manager, which is not part of this API server, would do: it makes the Deployment available.
func (f *fixture) roll(name string) {
	f.t.Helper()
	d := &appsv1.Deployment{}
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, d); err != nil {
		f.t.Fatal(err)
	}
	base := d.DeepCopy()
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
	if err := f.cluster.Client.Status().Patch(f.t.Context(), d, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}
