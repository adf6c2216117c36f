// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package depends

import (
	"cmp"
	"context"
	"slices"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/weir-gitops/weir/kit/referrer"
)

// indexDependsOn is the name of the cache index by dependency.
const indexDependsOn = ".metadata.dependsOn"

// Object is one that may depend on others of its kind.
type Object interface {
	client.Object
	conditions.Getter
	// GetDependsOn returns its dependencies as written.
	GetDependsOn() []meta.DependencyReference
}

// References are the dependencies of an object with their namespaces filled in.
func References(obj Object) []Reference {
	list := obj.GetDependsOn()
	refs := make([]Reference, 0, len(list))
	for _, d := range list {
		refs = append(refs, Reference{
			NamespacedName: types.NamespacedName{Namespace: cmp.Or(d.Namespace, obj.GetNamespace()), Name: d.Name},
			ReadyExpr:      d.ReadyExpr,
		})
	}
	return refs
}

// Ready is the rule for an object that has observed that generation.
func Ready(obj Object, observed int64) bool {
	return obj.GetGeneration() == observed && conditions.IsTrue(obj, meta.ReadyCondition)
}

// Read reads a dependency from the cache: it is watched, and its next change starts those that wait for it. What the cache does not have may be
// in another shard, so that the API server is asked.
func Read(ctx context.Context, cache, live client.Reader, name types.NamespacedName, into Object) error {
	err := cache.Get(ctx, name, into)
	if apierrors.IsNotFound(err) {
		err = live.Get(ctx, name, into)
	}
	return err
}

// Dependents are the objects of a kind that wait for others of it.
type Dependents[O Object] struct {
	*referrer.Kind[O]

	// Ready tells whether an object is ready for those that depend on it.
	Ready func(O) bool
	// Applied names what an object applied last, where its dependents ask for the same. Optional.
	Applied func(O) string
	// Content tells of a dependent that one which is ready has nothing to tell it. Optional.
	Content func(dependent O) bool
}

// Index lets the objects be found by what they depend on.
func (d *Dependents[O]) Index(ctx context.Context, indexer client.FieldIndexer) error {
	return d.Kind.Index(ctx, indexer, indexDependsOn, func(o O) []string {
		var keys []string
		for _, ref := range References(o) {
			keys = append(keys, ref.String())
		}
		return keys
	})
}

// Watch adds to the controller of the kind a watch that starts those that wait for an object the moment it may be ready for them.
func (d *Dependents[O]) Watch(b *builder.Builder) *builder.Builder {
	return b.Watches(d.New(), handler.EnqueueRequestsFromMapFunc(d.waiting), builder.WithPredicates(d.matters()))
}

// waiting finds the objects that wait for obj. One that is not ready can only matter to those that judge it by an expression.
func (d *Dependents[O]) waiting(ctx context.Context, obj client.Object) []ctrl.Request {
	dependency, ok := obj.(O)
	if !ok {
		return nil
	}
	name := client.ObjectKeyFromObject(obj)
	ready := d.Ready(dependency)
	found := slices.DeleteFunc(d.Find(ctx, indexDependsOn, name.String()), func(dependent O) bool {
		if ready {
			return d.Content != nil && d.Content(dependent)
		}
		return !slices.ContainsFunc(References(dependent), func(ref Reference) bool {
			return ref.ReadyExpr != "" && ref.NamespacedName == name
		})
	})
	return referrer.Requests(found)
}

// matters lets the updates pass after which an object may be ready for those that depend on it: it became ready, it applied something else,
// or, for expressions, it changed while it is not ready.
func (d *Dependents[O]) matters() predicate.Predicate {
	verdict := func(obj client.Object) (ready bool, applied string) {
		o, ok := obj.(O)
		if !ok {
			return false, ""
		}
		if d.Applied != nil {
			applied = d.Applied(o)
		}
		return d.Ready(o), applied
	}
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			wasReady, was := verdict(e.ObjectOld)
			isReady, is := verdict(e.ObjectNew)
			if isReady {
				return !wasReady || was != is
			}
			return e.ObjectOld.GetResourceVersion() != e.ObjectNew.GetResourceVersion()
		},
	}
}
