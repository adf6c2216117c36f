// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
)

type (
	imageRepository = imagev1.ImageRepository
	imagePolicy     = imagev1.ImagePolicy
)

// scans makes the ImageRepository of that name, which is scanned every hour.
func (f *fixture) scans(name, image string, edit ...func(*imageRepository)) *imageRepository {
	f.t.Helper()
	o := &imageRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	o.Spec.Image = image
	o.Spec.Interval.Duration = time.Hour
	o.Spec.Timeout = &metav1.Duration{Duration: 20 * time.Second}
	for _, e := range edit {
		e(o)
	}
	f.cluster.Create(f.t, o)
	return o
}

// chooses makes the ImagePolicy of that name over the ImageRepository "web".
func (f *fixture) chooses(name string, choice imagev1.ImagePolicyChoice, edit ...func(*imagePolicy)) *imagePolicy {
	f.t.Helper()
	o := &imagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	o.Spec.ImageRepositoryRef.Name = "web"
	o.Spec.Policy = choice
	for _, e := range edit {
		e(o)
	}
	f.cluster.Create(f.t, o)
	return o
}

func semver(constraint string) imagev1.ImagePolicyChoice {
	return imagev1.ImagePolicyChoice{SemVer: &imagev1.SemVerPolicy{Range: constraint}}
}

// read reads an object again.
func read[O client.Object](f *fixture, o O) O {
	f.t.Helper()
	if err := f.cluster.Client.Get(f.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		f.t.Fatal(err)
	}
	return o
}

// await returns an object once it is as the condition says.
func await[O conditions.Setter](f *fixture, o O, what string, is func(O) bool) O {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if read(f, o); is(o) {
			return o
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waited for %s in vain; conditions: %+v", what, o.GetConditions())
		}
	}
}

// settled returns an object once it is ready for its generation.
func settled[O conditions.Setter](f *fixture, o O) O {
	f.t.Helper()
	return await(f, o, "Ready", func(o O) bool {
		return conditions.IsReady(o) && conditions.GetObservedGeneration(o, meta.ReadyCondition) == o.GetGeneration()
	})
}

// blamed returns an object once it is not ready for that reason.
func blamed[O conditions.Setter](f *fixture, o O, reason string) O {
	f.t.Helper()
	return await(f, o, reason, func(o O) bool {
		return conditions.IsFalse(o, meta.ReadyCondition) && conditions.GetReason(o, meta.ReadyCondition) == reason
	})
}

// amend edits an object.
func amend[O client.Object](f *fixture, o O, edit func(O)) {
	f.t.Helper()
	read(f, o)
	base, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		f.t.Fatal("not an object")
	}
	edit(o)
	if err := f.cluster.Client.Patch(f.t.Context(), o, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

// requestRun asks for a run and returns the object after it.
func requestRun[O conditions.Setter](f *fixture, o O, handled func(O) string) O {
	f.t.Helper()
	at := time.Now().Format(time.RFC3339Nano)
	amend(f, o, func(o O) { o.SetAnnotations(map[string]string{meta.ReconcileRequestAnnotation: at}) })
	return await(f, o, "the requested run", func(o O) bool { return handled(o) == at })
}

func handledRepository(o *imageRepository) string { return o.Status.LastHandledReconcileAt }
func handledPolicy(o *imagePolicy) string         { return o.Status.LastHandledReconcileAt }

// drop deletes objects and waits until they are gone.
func (f *fixture) drop(objects ...client.Object) {
	f.t.Helper()
	for _, o := range objects {
		if err := f.cluster.Client.Delete(context.WithoutCancel(f.t.Context()), o); client.IgnoreNotFound(err) != nil {
			f.t.Fatal(err)
		}
		eventually(f.t, "the object to go", func() bool {
			return f.cluster.Client.Get(context.WithoutCancel(f.t.Context()), client.ObjectKeyFromObject(o), o) != nil
		})
	}
}

// writes counts the requests of the controller since the last call that write, for one resource.
func (f *fixture) writes(t *testing.T, resource string) int {
	t.Helper()
	n := 0
	for request, count := range f.requests.Take() {
		if request.Verb != "get" && request.Verb != "list" && request.Verb != "watch" && request.Resource == resource {
			n += count
		}
	}
	return n
}
