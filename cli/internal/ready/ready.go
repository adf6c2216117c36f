// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package ready waits for objects. It is told of changes by a watch and never asks again and again.
package ready

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// pause is how long to wait before a watch that ended is opened again.
const pause = time.Second

// ErrFailed is the end of a wait for an object that will not get ready by itself. The text is that of its status.
var ErrFailed = errors.New("not ready")

// Check looks at an object: done ends the wait with the object, an error ends it with that.
type Check func(obj *unstructured.Unstructured) (done bool, err error)

// Wait returns the object once check is done with it. An object that does not exist is waited for.
func Wait(ctx context.Context, c client.WithWatch, k kinds.Kind, key client.ObjectKey, check Check) (*unstructured.Unstructured, error) {
	var last *unstructured.Unstructured
	for {
		obj, err := once(ctx, c, k, key, func(seen *unstructured.Unstructured) (bool, error) {
			last = seen
			return check(seen)
		})
		if obj != nil || err != nil {
			return obj, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, timeout(ctx, k, key, last)
		}
	}
}

// once watches until the watch ends, which is no error: the caller opens another.
func once(ctx context.Context, c client.WithWatch, k kinds.Kind, key client.ObjectKey, check Check) (*unstructured.Unstructured, error) {
	list := k.List()
	// A list with a watch from its version misses nothing in between.
	only := []client.ListOption{client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name}}
	if err := c.List(ctx, list, only...); err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	for i := range list.Items {
		if done, err := check(&list.Items[i]); done || err != nil {
			return &list.Items[i], err
		}
	}
	events, err := c.Watch(ctx, k.List(), append(only, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}})...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		obj, ok := event.Object.(*unstructured.Unstructured)
		if !ok || (event.Type != watch.Added && event.Type != watch.Modified) {
			continue
		}
		if done, err := check(obj); done || err != nil {
			return obj, err
		}
	}
	return nil, nil
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
