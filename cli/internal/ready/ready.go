// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package ready waits for objects. It is told of changes by a watch and never asks again and again.
package ready

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/follow"
	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// ErrFailed is the end of a wait for an object that will not get ready by itself. The text is that of its status.
var ErrFailed = errors.New("not ready")

// Check looks at an object: done ends the wait with the object, an error ends it with that.
type Check func(obj *unstructured.Unstructured) (done bool, err error)

// Wait returns the object once check is done with it. An object that does not exist is waited for.
func Wait(ctx context.Context, c client.WithWatch, k kinds.Kind, key client.ObjectKey, check Check) (*unstructured.Unstructured, error) {
	var last *unstructured.Unstructured
	only := []client.ListOption{client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name}}
	err := follow.Objects(ctx, c, k.List(), only, func(changes []watch.Event) (bool, error) {
		for _, change := range changes {
			obj, ok := change.Object.(*unstructured.Unstructured)
			if !ok || change.Type == watch.Deleted {
				continue
			}
			last = obj
			if done, err := check(obj); done || err != nil {
				return done, err
			}
		}
		return false, nil
	})
	if err != nil && ctx.Err() != nil {
		return nil, timeout(ctx, k, key, last)
	}
	return last, err
}

// Object is a Check for an object of the toolkit that is well: reconciled for its generation, Ready, and nothing in progress.
func Object(k kinds.Kind) Check {
	return func(obj *unstructured.Unstructured) (bool, error) {
		result, err := status.Compute(obj)
		if err != nil {
			return false, err
		}
		if result.Status == status.FailedStatus {
			return false, fmt.Errorf("%w: %s", ErrFailed, result.Message)
		}
		if k.IsStatic(obj) {
			return result.Status == status.CurrentStatus, nil
		}
		return result.Status == status.CurrentStatus && observed(obj), nil
	}
}

// Telling is Object that also tells why an object is not ready, whenever that changes: what fails now may succeed with the next try.
func Telling(k kinds.Kind, tell func(message string)) Check {
	is, told := Object(k), ""
	return func(obj *unstructured.Unstructured) (bool, error) {
		done, err := is(obj)
		if why := wrong(k, obj); !done && err == nil && why != "" && why != told {
			told = why
			tell(why)
		}
		return done, err
	}
}

// wrong is what keeps an object from being ready; empty if it says nothing but that something is under way.
func wrong(k kinds.Kind, obj *unstructured.Unstructured) string {
	if k.IsStatic(obj) { // it has no condition of ours
		if result, err := status.Compute(obj); err == nil && result.Status == status.InProgressStatus {
			return result.Message
		}
		return ""
	}
	// What is tried again has no observedGeneration, but its condition has.
	if c, _ := kinds.ConditionOf(obj, meta.ReadyCondition); c.Status == "False" && c.ObservedGeneration == obj.GetGeneration() {
		return c.Message
	}
	return ""
}

// All waits for objects of a kind, all at once, and returns each as Wait does. tell, which is never called twice at a time, gets what Telling
// tells.
func All(
	ctx context.Context, c client.WithWatch, k kinds.Kind, keys []client.ObjectKey, tell func(key client.ObjectKey, message string),
) ([]*unstructured.Unstructured, []error) {
	objects, errs := make([]*unstructured.Unstructured, len(keys)), make([]error, len(keys))
	var telling sync.Mutex
	var waiting sync.WaitGroup
	for i, key := range keys {
		is := Telling(k, func(message string) {
			telling.Lock()
			defer telling.Unlock()
			tell(key, message)
		})
		waiting.Go(func() { objects[i], errs[i] = Wait(ctx, c, k, key, is) })
	}
	waiting.Wait()
	return objects, errs
}

// observed tells whether a controller has judged the object as it is now.
func observed(obj *unstructured.Unstructured) bool {
	generation, _, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	c, found := kinds.ConditionOf(obj, meta.ReadyCondition)
	if !found || generation < 1 {
		return false
	}
	if c.ObservedGeneration != 0 {
		generation = c.ObservedGeneration
	}
	return generation == obj.GetGeneration()
}

// timeout says what was seen last.
func timeout(ctx context.Context, k kinds.Kind, key client.ObjectKey, last *unstructured.Unstructured) error {
	if last == nil {
		return fmt.Errorf("%s '%s/%s' does not exist: %w", k.Human, key.Namespace, key.Name, context.Cause(ctx))
	}
	if c, ok := kinds.ConditionOf(last, meta.ReadyCondition); ok {
		return fmt.Errorf("%w: %s", context.Cause(ctx), c.Message)
	}
	return context.Cause(ctx)
}
