// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/weir-gitops/weir/kit/cluster"
)

const (
	// discoveryLimit bounds one request for what the cluster can do.
	discoveryLimit = 30 * time.Second
	// unsettled is how long after a change of a definition an answer is not kept: the API server serves a kind a moment after it has
	// announced it.
	unsettled = 5 * time.Second
	// rewatch is the pause before a watch that ended is opened again.
	rewatch = 5 * time.Second
)

// capabilities caches what the cluster can do. It is sure of that only while it watches what changes it; otherwise it asks each time,
// as Helm does.
type capabilities struct {
	client   *discovery.DiscoveryClient
	metadata metadata.Interface
	logger   logr.Logger

	mu      sync.Mutex
	known   *chartutil.Capabilities
	asked   time.Time
	changed time.Time
	synced  map[schema.GroupVersionResource]bool
	asking  sync.Mutex // one at a time
}

// definitions are the resources that decide which kinds are served.
func definitions() []schema.GroupVersionResource {
	return []schema.GroupVersionResource{
		{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
		{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
	}
}

func newCapabilities(c *cluster.Clients, logger logr.Logger) (*capabilities, error) {
	cfg := rest.CopyConfig(c.Config)
	cfg.Timeout = discoveryLimit
	client, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("discovery client: %w", err)
	}
	return &capabilities{client: client, metadata: c.Metadata, logger: logger, synced: map[schema.GroupVersionResource]bool{}}, nil
}

// get returns what the cluster can do.
func (c *capabilities) get(ctx context.Context) (*chartutil.Capabilities, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	if known := c.current(); known != nil {
		return known, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at := time.Now()
	version, err := c.client.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("could not get server version from Kubernetes: %w", err)
	}
	served, err := action.GetVersionSet(c.client)
	if err != nil {
		return nil, fmt.Errorf("could not get apiVersions from Kubernetes: %w", err)
	}
	answer := &chartutil.Capabilities{
		APIVersions: served,
		KubeVersion: chartutil.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.asked = answer, at
	return answer, nil
}

// current returns the last answer if it certainly still holds.
func (c *capabilities) current() *chartutil.Capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.synced) < len(definitions()) || c.asked.Before(c.changed.Add(unsettled)) {
		return nil
	}
	return c.known
}

// touch notes that definitions changed.
func (c *capabilities) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = time.Now()
}

// watch follows the definitions until ctx ends.
func (c *capabilities) watch(ctx context.Context) {
	var wg sync.WaitGroup
	for _, gvr := range definitions() {
		wg.Go(func() { c.follow(ctx, gvr) })
	}
	wg.Wait()
}

func (c *capabilities) follow(ctx context.Context, gvr schema.GroupVersionResource) {
	ctx = logr.NewContext(ctx, c.logger)
	client := c.metadata.Resource(gvr)
	source := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) },
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return client.Watch(ctx, o)
		},
	}, c.metadata)
	for ctx.Err() == nil {
		r := cache.NewReflectorWithOptions(source, &metav1.PartialObjectMetadata{}, definitionEvents{c, gvr}, cache.ReflectorOptions{
			Name: "capabilities", TypeDescription: gvr.String(),
		})
		if err := r.ListAndWatchWithContext(ctx); err != nil && ctx.Err() == nil {
			c.logger.V(1).Info("cannot watch", "resource", gvr.String(), "reason", err.Error())
			c.lost(gvr)
		}
		select {
		case <-ctx.Done():
		case <-time.After(rewatch):
		}
	}
}

func (c *capabilities) lost(gvr schema.GroupVersionResource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.synced, gvr)
}

// definitionEvents is the store of a reflector that keeps nothing but the fact that something changed.
type definitionEvents struct {
	*capabilities

	gvr schema.GroupVersionResource
}

// Add implements cache.ReflectorStore.
func (d definitionEvents) Add(any) error { d.touch(); return nil }

// Update implements cache.ReflectorStore.
func (d definitionEvents) Update(any) error { d.touch(); return nil }

// Delete implements cache.ReflectorStore.
func (d definitionEvents) Delete(any) error { d.touch(); return nil }

// Resync implements cache.ReflectorStore.
func (d definitionEvents) Resync() error { return nil }

// Replace implements cache.ReflectorStore. A first list is no change, but what was asked before it may be old.
func (d definitionEvents) Replace([]any, string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.synced[d.gvr] {
		d.synced[d.gvr], d.asked = true, time.Time{}
	}
	return nil
}
