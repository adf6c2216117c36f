// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/referrer"
)

// indexSource is the name of the cache index by source.
const indexSource = ".metadata.source"

// Consumers are the objects of a kind that sources feed.
type Consumers[O client.Object] struct {
	*referrer.Kind[O]

	// Ref names the source of an object, with its namespace.
	Ref func(O) access.Reference
	// News hears which objects an artifact concerns, before they are queued. Optional.
	News func(objects []O, from access.Reference, digest string)
}

// Index lets the objects be found by their source.
func (c *Consumers[O]) Index(ctx context.Context, indexer client.FieldIndexer) error {
	return c.Kind.Index(ctx, indexer, indexSource, func(o O) []string { return []string{c.Ref(o).String()} })
}

// Watch adds to a controller the watches of sources of these kinds; pass decides which events are news to those that they feed. Consumers that
// have dealt with an artifact are not left out: a run of theirs costs no request, and what their status says may be behind a run that is
// under way.
func (c *Consumers[O]) Watch(b *builder.Builder, pass predicate.Predicate, kinds ...string) (*builder.Builder, error) {
	for _, kind := range kinds {
		obj, err := New(kind)
		if err != nil {
			return nil, err
		}
		b = b.Watches(obj, handler.EnqueueRequestsFromMapFunc(c.fedBy(kind)), builder.WithPredicates(pass))
	}
	return b, nil
}

func (c *Consumers[O]) fedBy(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		ref := access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
		found := c.Find(ctx, indexSource, ref.String())
		if artifact := artifactOf(obj); artifact != nil && obj.GetDeletionTimestamp().IsZero() && c.News != nil {
			c.News(found, ref, artifact.Digest)
		}
		return referrer.Requests(found)
	}
}
