// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// Watcher knows the newest state of a cluster.
type Watcher struct {
	cache   cache.Cache
	changed chan struct{}
}

// Watch follows every GitRepository and Kustomization of a cluster until ctx ends.
func Watch(ctx context.Context, config *rest.Config, scheme *runtime.Scheme) (*Watcher, error) {
	objects, err := cache.New(config, cache.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("watch the cluster: %w", err)
	}
	w := &Watcher{cache: objects, changed: make(chan struct{}, 1)}
	for _, kind := range []client.Object{new(sourcev1.GitRepository), new(kustomizev1.Kustomization)} {
		informer, err := objects.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
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
func (w *Watcher) State(ctx context.Context) (State, error) {
	var repositories sourcev1.GitRepositoryList
	var kustomizations kustomizev1.KustomizationList
	if err := w.cache.List(ctx, &repositories); err != nil {
		return State{}, fmt.Errorf("list sources: %w", err)
	}
	if err := w.cache.List(ctx, &kustomizations); err != nil {
		return State{}, fmt.Errorf("list Kustomizations: %w", err)
	}
	return State{Repositories: repositories.Items, Kustomizations: kustomizations.Items}, nil
}
