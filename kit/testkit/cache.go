// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Cache holds the objects of one kind in memory with indexes, for code that finds objects in the cache of a manager: what it is told is put
// through the same functions, without an API server.
type Cache struct {
	// Objects are what the cache shows.
	Objects []client.Object

	keys map[string]client.IndexerFunc
}

// IndexField implements client.FieldIndexer.
func (c *Cache) IndexField(_ context.Context, _ client.Object, field string, keys client.IndexerFunc) error {
	if c.keys == nil {
		c.keys = make(map[string]client.IndexerFunc)
	}
	c.keys[field] = keys
	return nil
}

// Get implements client.Reader; it finds nothing.
func (c *Cache) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

// List implements client.Reader for an exact match of one index, which has to exist.
func (c *Cache) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var options client.ListOptions
	options.ApplyOptions(opts)
	var found []runtime.Object
	for _, want := range options.FieldSelector.Requirements() {
		keys, ok := c.keys[want.Field]
		if !ok {
			return apierrors.NewBadRequest("no index " + want.Field)
		}
		for _, obj := range c.Objects {
			if slices.Contains(keys(obj), want.Value) {
				found = append(found, obj)
			}
		}
	}
	return apimeta.SetList(list, found)
}
