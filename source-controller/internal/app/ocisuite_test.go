// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// imagePath is the repository of every OCI fixture.
const imagePath = "org/app"

// ociFixture is a fixture with a registry in place of the Git server. Its object is the OCIRepository "app".
type ociFixture struct {
	*fixture
	registry *testkit.Registry
	url      string
	images   testkit.Kind[sourcev1.OCIRepository, *sourcev1.OCIRepository]
}

func newOCIFixture(t *testing.T) *ociFixture {
	t.Helper()
	f := &ociFixture{fixture: newFixture(t), registry: testkit.NewRegistry(t, testkit.RegistryOptions{})}
	f.url = f.registry.URL + "/" + imagePath
	f.images.Cluster, f.images.Namespace = f.cluster, f.namespace
	return f
}

// push stores files under a tag.
func (f *ociFixture) push(tag string, files map[string]string) string {
	f.t.Helper()
	return f.registry.PushFiles(f.t, imagePath, tag, files)
}

// create makes the OCIRepository, which follows the tag latest unless edit says otherwise.
func (f *ociFixture) create(edit ...func(*sourcev1.OCIRepository)) {
	f.t.Helper()
	o := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app"}}
	o.Spec.URL = f.url
	o.Spec.Interval.Duration = time.Hour
	for _, e := range edit {
		e(o)
	}
	f.cluster.Create(f.t, o)
}

// change edits the object.
func (f *ociFixture) change(edit func(*sourcev1.OCIRepository)) {
	f.t.Helper()
	f.images.Change(f.t, "app", edit)
}

// wait returns the object once it is as the condition says.
func (f *ociFixture) wait(what string, is func(*sourcev1.OCIRepository) bool) *sourcev1.OCIRepository {
	f.t.Helper()
	return f.images.Await(f.t, "app", what, is)
}

// ready returns the object once it is ready.
func (f *ociFixture) ready() *sourcev1.OCIRepository {
	f.t.Helper()
	return f.wait("Ready", func(o *sourcev1.OCIRepository) bool {
		return o.Status.ObservedGeneration == o.Generation && conditions.IsReady(o)
	})
}

// request asks for a run and returns the object after it.
func (f *ociFixture) request() *sourcev1.OCIRepository {
	f.t.Helper()
	at := f.images.Request(f.t, "app")
	return f.wait("the requested run", func(o *sourcev1.OCIRepository) bool { return o.Status.LastHandledReconcileAt == at })
}

// failed returns the object once it is not ready for the reason.
func (f *ociFixture) failed(reason string) *sourcev1.OCIRepository {
	f.t.Helper()
	return f.wait("the failure "+reason, func(o *sourcev1.OCIRepository) bool {
		return conditions.IsFalse(o, meta.ReadyCondition) && conditions.GetReason(o, meta.ReadyCondition) == reason
	})
}

// destroy deletes the object and waits until it is gone.
func (f *ociFixture) destroy() {
	f.t.Helper()
	f.images.Remove(f.t, "app")
}

// files lists what is stored for the object, without locks.
func (f *ociFixture) files() []string {
	f.t.Helper()
	return f.kept("ocirepository", "app")
}
