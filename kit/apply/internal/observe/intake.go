// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// intake is the store of a reflector: it keeps nothing and passes on what is left of each object. As the first list is streamed
// object by object, never more than one of them is held in full.
type intake struct {
	ctx  func() context.Context // the reflector's store interface has no context
	sink sink
}

// residue is an object reduced to its record. It has the metadata by which a reflector tells objects apart.
type residue struct {
	metav1.ObjectMeta

	rec Record
}

func (d *residue) key() types.NamespacedName {
	return types.NamespacedName{Namespace: d.Namespace, Name: d.Name}
}

func (i *intake) reduce(obj any) (*residue, error) {
	if d, ok := obj.(*residue); ok {
		return d, nil
	}
	m, err := meta.Accessor(obj)
	if err != nil {
		return nil, err
	}
	return &residue{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.GetNamespace(), Name: m.GetName(), ResourceVersion: m.GetResourceVersion()},
		rec:        i.sink.reduce(i.ctx(), m),
	}, nil
}

// Transformer implements cache.TransformingStore: it reduces the objects of a streamed list.
func (i *intake) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return i.reduce(obj) }
}

// Add implements cache.ReflectorStore.
func (i *intake) Add(obj any) error { return i.Update(obj) }

// Update implements cache.ReflectorStore.
func (i *intake) Update(obj any) error {
	d, err := i.reduce(obj)
	if err != nil {
		return err
	}
	i.sink.change(d.key(), d.rec, false)
	return nil
}

// Delete implements cache.ReflectorStore.
func (i *intake) Delete(obj any) error {
	d, err := i.reduce(obj)
	if err != nil {
		return err
	}
	i.sink.change(d.key(), d.rec, true)
	return nil
}

// Replace implements cache.ReflectorStore.
func (i *intake) Replace(list []any, version string) error {
	residues := make([]*residue, 0, len(list))
	for _, obj := range list {
		d, err := i.reduce(obj)
		if err != nil {
			return err
		}
		residues = append(residues, d)
	}
	i.sink.replace(residues, version)
	return nil
}

// Bookmark implements cache.ReflectorBookmarkStore.
func (i *intake) Bookmark(version string) error {
	i.sink.bookmark(version)
	return nil
}

// Resync implements cache.ReflectorStore.
func (i *intake) Resync() error { return nil }
