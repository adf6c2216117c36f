// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/weir-gitops/weir/kit/cluster"
)

// lookupLimit bounds one lookup.
const lookupLimit = 30 * time.Second

// lookup answers the template function of that name with the shared clients: one request for each call, and none for discovery.
type lookup struct {
	clients *cluster.Clients
	// ended is closed when the run is over: Helm's interface has no context.
	ended <-chan struct{}
}

// GetClientFor implements engine.ClientProvider.
func (l lookup) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	mapping, err := l.clients.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, false, fmt.Errorf("unable to get apiresource from unstructured: %s: %w", gvk.String(), err)
	}
	bound := bound{NamespaceableResourceInterface: l.clients.Dynamic.Resource(mapping.Resource), ended: l.ended}
	return bound, mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// bound is a client whose reads end with the run: the caller has no context to pass on.
type bound struct {
	dynamic.NamespaceableResourceInterface

	ended <-chan struct{}
}

// until returns a context that ends with the run, too.
func until(ctx context.Context, ended <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Namespace implements dynamic.NamespaceableResourceInterface.
func (b bound) Namespace(namespace string) dynamic.ResourceInterface {
	return boundTo{ResourceInterface: b.NamespaceableResourceInterface.Namespace(namespace), ended: b.ended}
}

// Get implements dynamic.ResourceInterface.
func (b bound) Get(ctx context.Context, name string, o metav1.GetOptions, sub ...string) (*unstructured.Unstructured, error) {
	ctx, cancel := until(ctx, b.ended)
	defer cancel()
	return b.NamespaceableResourceInterface.Get(ctx, name, o, sub...)
}

// List implements dynamic.ResourceInterface.
func (b bound) List(ctx context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	ctx, cancel := until(ctx, b.ended)
	defer cancel()
	return b.NamespaceableResourceInterface.List(ctx, o)
}

// boundTo is bound in a namespace.
type boundTo struct {
	dynamic.ResourceInterface

	ended <-chan struct{}
}

// Get implements dynamic.ResourceInterface.
func (b boundTo) Get(ctx context.Context, name string, o metav1.GetOptions, sub ...string) (*unstructured.Unstructured, error) {
	ctx, cancel := until(ctx, b.ended)
	defer cancel()
	return b.ResourceInterface.Get(ctx, name, o, sub...)
}

// List implements dynamic.ResourceInterface.
func (b boundTo) List(ctx context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	ctx, cancel := until(ctx, b.ended)
	defer cancel()
	return b.ResourceInterface.List(ctx, o)
}
