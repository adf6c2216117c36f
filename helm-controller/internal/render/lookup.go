// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// lookupLimit bounds one lookup.
const lookupLimit = 30 * time.Second

// lookup answers the template function of that name with the shared clients: one request for each call, and none for discovery. What is not there
// is an empty map; without a name all objects of the kind are listed.
func (in Input) lookup(ctx context.Context, apiVersion, kind, namespace, name string) (map[string]any, error) {
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	mapping, err := in.Clients.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return map[string]any{}, fmt.Errorf("unable to get apiresource from unstructured: %s: %w", gvk.String(), err)
	}
	var objects dynamic.ResourceInterface = in.Clients.Dynamic.Resource(mapping.Resource)
	if namespace != "" && mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		objects = in.Clients.Dynamic.Resource(mapping.Resource).Namespace(namespace)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	found, err := read(ctx, objects, name)
	switch {
	case apierrors.IsNotFound(err):
		return map[string]any{}, nil
	case err != nil:
		return map[string]any{}, err
	}
	return found.UnstructuredContent(), nil
}

func read(ctx context.Context, objects dynamic.ResourceInterface, name string) (runtime.Unstructured, error) {
	if name == "" {
		return objects.List(ctx, metav1.ListOptions{})
	}
	return objects.Get(ctx, name, metav1.GetOptions{})
}
