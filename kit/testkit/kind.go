// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// objectOf is a pointer to a type of the API.
type objectOf[T any] interface {
	*T
	client.Object
}

// Kind reads and changes the objects of one kind in one namespace, as somebody with kubectl would. O is *T.
type Kind[T any, O objectOf[T]] struct {
	// Cluster has the objects.
	Cluster *Cluster
	// Namespace is where they are.
	Namespace string
}

// Find returns the object of that name, nil when it is not there.
func (k Kind[T, O]) Find(tb testing.TB, name string) O {
	tb.Helper()
	o := O(new(T)) // a new one each time: what is gone from the answer would stay in an old one
	err := k.Cluster.Client.Get(context.WithoutCancel(tb.Context()), client.ObjectKey{Namespace: k.Namespace, Name: name}, o)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		tb.Fatalf("read %T %s: %v", o, name, err)
	}
	return o
}

// Get returns the object of that name, which has to be there.
func (k Kind[T, O]) Get(tb testing.TB, name string) O {
	tb.Helper()
	o := k.Find(tb, name)
	if o == nil {
		tb.Fatalf("%T %s is not there", o, name)
	}
	return o
}

// Await returns the object of that name once it is as it should be.
func (k Kind[T, O]) Await(tb testing.TB, name, what string, is func(O) bool) O {
	tb.Helper()
	var o O
	Eventually(tb, what, func() bool { o = k.Get(tb, name); return is(o) }, func() string { return inJSON(o) })
	return o
}

// Change edits the object of that name.
func (k Kind[T, O]) Change(tb testing.TB, name string, edit func(O)) {
	tb.Helper()
	k.patch(tb, k.Get(tb, name), edit, k.Cluster.Client.Patch)
}

// Report has edit fill the status of o, as the controller of its kind would. The object is created when it is not there.
func (k Kind[T, O]) Report(tb testing.TB, o O, edit func(O)) {
	tb.Helper()
	if found := k.Find(tb, o.GetName()); found != nil {
		o = found
	} else {
		o.SetNamespace(k.Namespace)
		k.Cluster.Create(tb, o)
	}
	k.patch(tb, o, edit, func(ctx context.Context, o client.Object, p client.Patch, _ ...client.PatchOption) error {
		return k.Cluster.Client.Status().Patch(ctx, o, p)
	})
}

// patch writes what edit changes.
func (k Kind[T, O]) patch(
	tb testing.TB, o O, edit func(O), write func(context.Context, client.Object, client.Patch, ...client.PatchOption) error,
) {
	tb.Helper()
	base, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		tb.Fatalf("%T is no object", o)
	}
	edit(o)
	if err := write(context.WithoutCancel(tb.Context()), o, client.MergeFrom(base)); err != nil {
		tb.Fatalf("change %T %s: %v", o, o.GetName(), err)
	}
}

// Request asks for a run of the object of that name, and returns what its status repeats once the request is dealt with. The further
// annotations, if any, get the same value.
func (k Kind[T, O]) Request(tb testing.TB, name string, annotations ...string) string {
	tb.Helper()
	token := time.Now().Format(time.RFC3339Nano)
	k.Change(tb, name, func(o O) { Annotate(o, token, append(annotations, meta.ReconcileRequestAnnotation)...) })
	return token
}

// Remove deletes the object of that name and waits until it is gone.
func (k Kind[T, O]) Remove(tb testing.TB, name string) {
	tb.Helper()
	o := k.Get(tb, name)
	if err := client.IgnoreNotFound(k.Cluster.Client.Delete(context.WithoutCancel(tb.Context()), o)); err != nil {
		tb.Fatalf("delete %T %s: %v", o, name, err)
	}
	k.AwaitGone(tb, name)
}

// AwaitGone waits until there is no object of that name.
func (k Kind[T, O]) AwaitGone(tb testing.TB, name string) {
	tb.Helper()
	var o O
	Eventually(tb, name+" is gone", func() bool { o = k.Find(tb, name); return o == nil }, func() string { return inJSON(o) })
}

// Annotate sets annotations to the value, beside those that are there.
func Annotate(o client.Object, value string, annotations ...string) {
	all := o.GetAnnotations()
	if all == nil {
		all = make(map[string]string, len(annotations))
	}
	for _, annotation := range annotations {
		all[annotation] = value
	}
	o.SetAnnotations(all)
}

// Condition tells a condition of an object as "<status> <reason>: <message>", or that it is absent.
func Condition(o conditions.Getter, kind string) string {
	c := conditions.Get(o, kind)
	if c == nil {
		return "absent"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

// inJSON tells everything about an object that a reader may want to know. The object is spent.
func inJSON(o client.Object) string {
	o.SetManagedFields(nil)
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// FindConfigMap returns the ConfigMap, nil when it is not there.
func (c *Cluster) FindConfigMap(tb testing.TB, namespace, name string) *corev1.ConfigMap {
	tb.Helper()
	return Kind[corev1.ConfigMap, *corev1.ConfigMap]{Cluster: c, Namespace: namespace}.Find(tb, name)
}

// Events returns the Kubernetes Events about the objects of that name.
func (c *Cluster) Events(tb testing.TB, namespace, name string) []corev1.Event {
	tb.Helper()
	var list corev1.EventList
	if err := c.Client.List(context.WithoutCancel(tb.Context()), &list, client.InNamespace(namespace)); err != nil {
		tb.Fatalf("list events: %v", err)
	}
	var about []corev1.Event
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name {
			about = append(about, e)
		}
	}
	return about
}

// RollOut does what the controller manager, which is not part of this API server, would do: it makes the Deployment available. It waits for
// the Deployment to be there.
func (c *Cluster) RollOut(tb testing.TB, namespace, name string) {
	tb.Helper()
	deployments := Kind[appsv1.Deployment, *appsv1.Deployment]{Cluster: c, Namespace: namespace}
	Eventually(tb, "the Deployment "+name+" is there", func() bool { return deployments.Find(tb, name) != nil })
	deployments.Report(tb, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}}, func(d *appsv1.Deployment) {
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
			},
		}
	})
}
