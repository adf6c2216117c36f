// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package referrer

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/weir-gitops/weir/kit/access"
)

// indexConfig is the name of the cache index by ConfigMap and Secret.
const indexConfig = ".metadata.config"

// Configs are the objects of a kind that take something from ConfigMaps and Secrets.
type Configs[O client.Object] struct {
	*Kind[O]

	// Refs names what an object takes from, in its own namespace.
	Refs func(O) []access.Reference
	// News hears which objects a change concerns, before they are queued. Optional.
	News func(objects []O, changed access.Reference)
}

// Index lets the objects be found by what they take from.
func (c *Configs[O]) Index(ctx context.Context, indexer client.FieldIndexer) error {
	return c.Kind.Index(ctx, indexer, indexConfig, func(o O) []string {
		var keys []string
		for _, ref := range c.Refs(o) {
			keys = append(keys, ref.String())
		}
		return keys
	})
}

// Watch adds to a controller the watches of ConfigMaps and Secrets, by metadata alone. Which of them the cache has is the manager's to say
// (--watch-configs-label-selector).
func (c *Configs[O]) Watch(b *builder.Builder) *builder.Builder {
	changed := builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})
	return b.
		WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(c.users("ConfigMap")), changed).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(c.users("Secret")), changed)
}

func (c *Configs[O]) users(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		ref := access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
		found := c.Find(ctx, indexConfig, ref.String())
		if c.News != nil {
			c.News(found, ref)
		}
		return Requests(found)
	}
}
