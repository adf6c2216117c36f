// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
}

func newOCIFixture(t *testing.T) *ociFixture {
	t.Helper()
	f := &ociFixture{fixture: newFixture(t), registry: testkit.NewRegistry(t, testkit.RegistryOptions{})}
	f.url = f.registry.URL + "/" + imagePath
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

func (f *ociFixture) get() (*sourcev1.OCIRepository, error) {
	o := &sourcev1.OCIRepository{}
	return o, f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "app"}, o)
}

// change edits the object.
func (f *ociFixture) change(edit func(*sourcev1.OCIRepository)) {
	f.t.Helper()
	o, err := f.get()
	if err != nil {
		f.t.Fatal(err)
	}
	base := o.DeepCopy()
	edit(o)
	if err := f.cluster.Client.Patch(f.t.Context(), o, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// wait returns the object once it is as the condition says.
func (f *ociFixture) wait(what string, is func(*sourcev1.OCIRepository) bool) *sourcev1.OCIRepository {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		o, err := f.get()
		if err != nil {
			f.t.Fatal(err)
		}
		if is(o) {
			return o
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waited for %s in vain; status: %+v", what, o.Status)
		}
	}
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
	at := time.Now().Format(time.RFC3339Nano)
	f.change(func(o *sourcev1.OCIRepository) {
		o.Annotations = map[string]string{meta.ReconcileRequestAnnotation: at}
	})
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
	if err := f.cluster.Client.Delete(f.t.Context(), &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app"}}); err != nil {
		f.t.Fatal(err)
	}
	eventually(f.t, "the object to go", func() bool {
		_, err := f.get()
		return apierrors.IsNotFound(err)
	})
}

// files lists what is stored for the object, without locks.
func (f *ociFixture) files() []string {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.storage, "ocirepository", f.namespace, "app"))
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

// ociCondition describes a condition, or says that it is absent.
func ociCondition(o *sourcev1.OCIRepository, kind string) string {
	c := conditions.Get(o, kind)
	if c == nil {
		return "absent"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}
