// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package referrer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kind is a kind whose objects refer to others.
type Kind[O client.Object] struct {
	// Reader reads from the cache that the indexes are in.
	Reader client.Reader
	// New returns an empty object, NewList an empty list of the kind.
	New     func() O
	NewList func() client.ObjectList
	// Rank orders those that one change concerns: the lower go first. Optional.
	Rank func(O) int
}

// Index makes the objects be found by the values that keys makes of each.
func (k *Kind[O]) Index(ctx context.Context, indexer client.FieldIndexer, name string, keys func(O) []string) error {
	extract := func(obj client.Object) []string {
		if o, ok := obj.(O); ok {
			return keys(o)
		}
		return nil
	}
	if err := indexer.IndexField(ctx, k.New(), name, extract); err != nil {
		return fmt.Errorf("index %s: %w", name, err)
	}
	return nil
}

// Find lists the objects with that value in an index, by rank. They are those of the cache: nobody may change them. A list that fails is
// logged, as a watch has nobody else to tell: the interval of each object is the safety net.
func (k *Kind[O]) Find(ctx context.Context, index, value string) []O {
	list := k.NewList()
	err := k.Reader.List(ctx, list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy)
	var found []O
	if err == nil {
		err = apimeta.EachListItem(list, func(item runtime.Object) error {
			if o, ok := item.(O); ok {
				found = append(found, o)
			}
			return nil
		})
	}
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the objects that a change concerns", "index", index, "value", value)
		return nil
	}
	if k.Rank != nil {
		slices.SortStableFunc(found, func(a, b O) int { return cmp.Compare(k.Rank(a), k.Rank(b)) })
	}
	return found
}

// Requests asks for a run of each.
func Requests[O client.Object](objects []O) []ctrl.Request {
	requests := make([]ctrl.Request, 0, len(objects))
	for _, o := range objects {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)})
	}
	return requests
}
