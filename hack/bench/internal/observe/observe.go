// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package observe waits for objects to reach a state. It watches and never
// polls, and keeps its work per change small, so that the bench takes little of
// the machine it measures on.
package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// maxNamed is how many objects that are not there yet an error names.
const maxNamed = 5

// Goal is a state that objects have to be in, all at the same time.
type Goal struct {
	// What is the state in words, for messages.
	What string
	// Names are the objects in question.
	Names []string
	// Reached tells whether an object is in the state. It has to be cheap.
	Reached func(*unstructured.Unstructured) bool
}

// Watch follows the objects of one kind in a namespace.
type Watch struct {
	resource string
	informer cache.SharedIndexInformer
	stop     func()

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured
	waiters map[*waiter]struct{}
}

// waiter is a call of Until.
type waiter struct {
	goal    Goal
	names   map[string]struct{}
	missing map[string]struct{} // of names, those that are not in the state
	reached time.Time           // set before done is closed
	done    chan struct{}
}

// Scope says what to watch.
type Scope struct {
	Resource  schema.GroupVersionResource
	Namespace string
	// Labels is a label selector, empty for everything.
	Labels string
}

// Start watches until Stop and returns when it knows the present objects.
func Start(ctx context.Context, client dynamic.Interface, scope Scope) (*Watch, error) {
	w := &Watch{
		resource: scope.Resource.Resource,
		objects:  map[string]*unstructured.Unstructured{},
		waiters:  map[*waiter]struct{}{},
	}
	w.informer = dynamicinformer.NewFilteredDynamicInformer(client, scope.Resource, scope.Namespace, 0, cache.Indexers{},
		func(o *metav1.ListOptions) { o.LabelSelector = scope.Labels }).Informer()
	handler, err := w.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    w.changed,
		UpdateFunc: func(_, now any) { w.changed(now) },
		DeleteFunc: w.deleted,
	})
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", w.resource, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { w.informer.RunWithContext(ctx) })
	w.stop = func() {
		cancel()
		running.Wait()
	}
	if !cache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
		w.stop()
		return nil, fmt.Errorf("watch %s: %w", w.resource, context.Cause(ctx))
	}
	return w, nil
}

// Stop ends the watch.
func (w *Watch) Stop() { w.stop() }

// Until waits for the goal and returns when its last object reached it. When
// the context ends first, the error says what is missing and why, as far as
// the objects' conditions tell.
func (w *Watch) Until(ctx context.Context, goal Goal) (time.Time, error) {
	return w.Expect(goal)(ctx)
}

// Expect starts waiting for the goal at once. The function it returns, to be
// called once, does as Until. Between the two the goal may come to pass.
func (w *Watch) Expect(goal Goal) func(context.Context) (time.Time, error) {
	wait := w.enter(goal)
	return func(ctx context.Context) (time.Time, error) {
		defer w.leave(wait)
		select {
		case <-wait.done:
			return wait.reached, nil
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for %s: %w; %s", goal.What, context.Cause(ctx), w.describe(wait))
		}
	}
}

// enter puts a waiter in place that knows the present objects.
func (w *Watch) enter(goal Goal) *waiter {
	wait := &waiter{goal: goal, names: map[string]struct{}{}, missing: map[string]struct{}{}, done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range goal.Names {
		wait.names[name] = struct{}{}
		if o, ok := w.objects[name]; !ok || !goal.Reached(o) {
			wait.missing[name] = struct{}{}
		}
	}
	w.waiters[wait] = struct{}{}
	w.finish(wait)
	return wait
}

func (w *Watch) leave(wait *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiters, wait)
}

// finish ends the waiter if nothing is missing. The lock is held.
func (w *Watch) finish(wait *waiter) {
	if len(wait.missing) == 0 && wait.reached.IsZero() {
		wait.reached = time.Now()
		close(wait.done)
	}
}

func (w *Watch) changed(object any) {
	o, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects[o.GetName()] = o
	for wait := range w.waiters {
		if _, asked := wait.names[o.GetName()]; !asked {
			continue
		}
		if wait.goal.Reached(o) {
			delete(wait.missing, o.GetName())
			w.finish(wait)
		} else {
			wait.missing[o.GetName()] = struct{}{}
		}
	}
}

func (w *Watch) deleted(object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	o, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.objects, o.GetName())
	for wait := range w.waiters {
		if _, asked := wait.names[o.GetName()]; asked {
			wait.missing[o.GetName()] = struct{}{}
		}
	}
}

// describe says what is missing.
func (w *Watch) describe(wait *waiter) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	missing := slices.Sorted(maps.Keys(wait.missing))
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d %s not there", len(missing), len(wait.names), w.resource)
	for _, name := range missing[:min(maxNamed, len(missing))] {
		fmt.Fprintf(&b, "\n  %s: %s", name, state(w.objects[name]))
	}
	if more := len(missing) - maxNamed; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}
