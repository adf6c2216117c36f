// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// namespaces knows the labels of Namespaces, which say who may use the repositories of others. Hardly anybody does, so Namespaces, and of them
// only the metadata, are watched from the first time on that somebody asks.
type namespaces struct {
	// live is read as long as the watch has not brought all Namespaces, and for those that it has not brought yet.
	live  client.Reader
	cache cache.Cache
	// watch starts a source of the controller.
	watch func(source.Source) error
	// users finds the objects that the labels of a Namespace concern.
	users handler.MapFunc

	mu      sync.Mutex
	started bool
}

// newNamespaces returns what watches for a controller.
func (r *Reconciler) newNamespaces(mgr ctrl.Manager, c controller.Controller) *namespaces {
	return &namespaces{live: r.Live, cache: mgr.GetCache(), watch: c.Watch, users: r.visitors}
}

// aNamespace is a Namespace without its name.
func aNamespace() *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return o
}

// labels returns the labels of a Namespace. From then on their changes wake those whom they concern.
func (n *namespaces) labels(ctx context.Context, name string) (labels.Set, error) {
	reader, err := n.reader(ctx)
	if err != nil {
		return nil, err
	}
	found := aNamespace()
	err = reader.Get(ctx, client.ObjectKey{Name: name}, found)
	if apierrors.IsNotFound(err) && reader != n.live { // the event of a policy may overtake that of its new Namespace
		found = aNamespace()
		err = n.live.Get(ctx, client.ObjectKey{Name: name}, found)
	}
	if err != nil {
		return nil, fmt.Errorf("read Namespace: %w", err)
	}
	return found.Labels, nil
}

// reader is the cache where that has all Namespaces. The watch comes first, so that no change falls between it and what is read.
func (n *namespaces) reader(ctx context.Context) (client.Reader, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.started {
		labelsChange := predicate.LabelChangedPredicate{}
		watch := source.Kind(n.cache, client.Object(aNamespace()), handler.EnqueueRequestsFromMapFunc(n.users), labelsChange)
		if err := n.watch(watch); err != nil {
			return nil, fmt.Errorf("watch Namespaces: %w", err)
		}
		n.started = true
	}
	informer, err := n.cache.GetInformer(ctx, aNamespace(), cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch Namespaces: %w", err)
	}
	if informer.HasSynced() {
		return n.cache, nil
	}
	return n.live, nil
}
