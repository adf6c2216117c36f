// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Watcher knows the newest state of a cluster.
type Watcher struct {
	cache   cache.Cache
	changed chan struct{}
}

// Watch follows every object of the kinds that are shown until ctx ends.
func Watch(ctx context.Context, config *rest.Config) (*Watcher, error) {
	objects, err := cache.New(config, cache.Options{})
	if err != nil {
		return nil, fmt.Errorf("watch the cluster: %w", err)
	}
	w := &Watcher{cache: objects, changed: make(chan struct{}, 1)}
	for _, k := range kinds() {
		object := new(unstructured.Unstructured)
		object.SetGroupVersionKind(k.GroupVersionKind)
		informer, err := objects.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch the cluster: %w", err)
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { w.signal() },
			UpdateFunc: func(any, any) { w.signal() },
			DeleteFunc: func(any) { w.signal() },
		})
		if err != nil {
			return nil, fmt.Errorf("watch the cluster: %w", err)
		}
	}
	go func() {
		_ = objects.Start(ctx) // ends with ctx, without an error
	}()
	if !objects.WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("watch the cluster: %w", context.Cause(ctx))
	}
	return w, nil
}

// Changed receives after changes; several may come as one.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

func (w *Watcher) signal() {
	select {
	case w.changed <- struct{}{}:
	default: // one is waiting to be read already
	}
}

// State returns the newest state.
func (w *Watcher) State(ctx context.Context) (State, error) { return Read(ctx, w.cache) }

// Read returns the state that a reader sees.
func Read(ctx context.Context, from client.Reader) (State, error) {
	var state State
	for _, k := range kinds() {
		list := new(unstructured.UnstructuredList)
		list.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind + "List"))
		if err := from.List(ctx, list); err != nil {
			return State{}, fmt.Errorf("list objects of kind %s: %w", k.Kind, err)
		}
		for i := range list.Items {
			state.Objects = append(state.Objects, &list.Items[i])
		}
	}
	return state, nil
}
