// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/testkit"
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

// stored is a pointer to a type of the API, reconciled one that reports conditions.
type (
	stored[T any] interface {
		*T
		client.Object
	}
	reconciled[T any] interface {
		*T
		conditions.Setter
	}
)

// of are the objects of the kind and namespace of o.
func of[T any, O stored[T]](f *fixture, o O) testkit.Kind[T, O] {
	return testkit.Kind[T, O]{Cluster: f.cluster, Namespace: o.GetNamespace()}
}

// read reads an object again.
func read[T any, O stored[T]](f *fixture, o O) O {
	f.t.Helper()
	*o = *of(f, o).Get(f.t, o.GetName())
	return o
}

// await returns an object once it is as the condition says.
func await[T any, O reconciled[T]](f *fixture, o O, what string, is func(O) bool) O {
	f.t.Helper()
	*o = *of(f, o).Await(f.t, o.GetName(), what, is)
	return o
}

// settled returns an object once it is ready for its generation.
func settled[T any, O reconciled[T]](f *fixture, o O) O {
	f.t.Helper()
	return await(f, o, "Ready", func(o O) bool {
		return conditions.IsReady(o) && conditions.GetObservedGeneration(o, meta.ReadyCondition) == o.GetGeneration()
	})
}

// blamed returns an object once it is not ready for that reason.
func blamed[T any, O reconciled[T]](f *fixture, o O, reason string) O {
	f.t.Helper()
	return await(f, o, reason, func(o O) bool {
		return conditions.IsFalse(o, meta.ReadyCondition) && conditions.GetReason(o, meta.ReadyCondition) == reason
	})
}

// amend edits an object.
func amend[T any, O stored[T]](f *fixture, o O, edit func(O)) {
	f.t.Helper()
	of(f, o).Change(f.t, o.GetName(), edit)
	read(f, o)
}

// requestRun asks for a run and returns the object after it.
func requestRun[T any, O reconciled[T]](f *fixture, o O, handled func(O) string) O {
	f.t.Helper()
	at := of(f, o).Request(f.t, o.GetName())
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
		testkit.Eventually(f.t, "the object to go", func() bool {
			return apierrors.IsNotFound(f.cluster.Client.Get(context.WithoutCancel(f.t.Context()), client.ObjectKeyFromObject(o), o))
		})
	}
}

// written counts the requests of the controller since the last call that write.
func (f *fixture) written() map[string]int {
	counts := map[string]int{}
	for request, count := range f.requests.Take() {
		if !slices.Contains([]string{"get", "list", "watch", "head"}, request.Verb) {
			counts[request.String()] += count
		}
	}
	return counts
}

// writes counts those for the status of one kind.
func (f *fixture) writes(t *testing.T, resource string) int {
	t.Helper()
	return f.written()["patch "+resource]
}

// told waits until the cluster has been told that an object is well, which the controller does in the background.
func told[T any, O stored[T]](f *fixture, o O) {
	f.t.Helper()
	testkit.Eventually(f.t, "the event of "+o.GetName(), func() bool {
		var list corev1.EventList
		if err := f.cluster.Client.List(context.WithoutCancel(f.t.Context()), &list, client.InNamespace(f.namespace)); err != nil {
			f.t.Fatal(err)
		}
		return slices.ContainsFunc(list.Items, func(e corev1.Event) bool {
			return e.InvolvedObject.UID == o.GetUID() && e.Reason == meta.SucceededReason
		})
	})
}
