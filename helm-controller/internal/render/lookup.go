// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/weir-gitops/weir/kit/cluster"
)

// lookup answers the template function of that name with the shared clients: one request for each call, and none for discovery.
type lookup struct {
	clients *cluster.Clients
	ctx     func() context.Context // Helm's interface has no context
}

// GetClientFor implements engine.ClientProvider.
func (l lookup) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	mapping, err := l.clients.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, false, fmt.Errorf("unable to get apiresource from unstructured: %s: %w", gvk.String(), err)
	}
	bound := bound{NamespaceableResourceInterface: l.clients.Dynamic.Resource(mapping.Resource), ctx: l.ctx}
	return bound, mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// bound is a client whose reads end with the run: the caller has no context to pass on.
type bound struct {
	dynamic.NamespaceableResourceInterface

	ctx func() context.Context
}

// Namespace implements dynamic.NamespaceableResourceInterface.
func (b bound) Namespace(namespace string) dynamic.ResourceInterface {
	return boundTo{ResourceInterface: b.NamespaceableResourceInterface.Namespace(namespace), ctx: b.ctx}
}

// Get implements dynamic.ResourceInterface.
func (b bound) Get(_ context.Context, name string, o metav1.GetOptions, sub ...string) (*unstructured.Unstructured, error) {
	return b.NamespaceableResourceInterface.Get(b.ctx(), name, o, sub...)
}

// List implements dynamic.ResourceInterface.
func (b bound) List(_ context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	return b.NamespaceableResourceInterface.List(b.ctx(), o)
}

// boundTo is bound in a namespace.
type boundTo struct {
	dynamic.ResourceInterface

	ctx func() context.Context
}

// Get implements dynamic.ResourceInterface.
func (b boundTo) Get(_ context.Context, name string, o metav1.GetOptions, sub ...string) (*unstructured.Unstructured, error) {
	return b.ResourceInterface.Get(b.ctx(), name, o, sub...)
}

// List implements dynamic.ResourceInterface.
func (b boundTo) List(_ context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	return b.ResourceInterface.List(b.ctx(), o)
}
