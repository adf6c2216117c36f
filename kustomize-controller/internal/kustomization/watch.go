// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"fmt"
	"slices"

	"github.com/fluxcd/pkg/runtime/predicates"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/source"
)

// Names of the cache indexes.
const (
	indexSource    = ".metadata.source"
	indexDependsOn = ".metadata.dependsOn"
	indexConfig    = ".metadata.config"
)

// index lets the objects be found by what they refer to.
func (r *Reconciler) index(ctx context.Context, indexer client.FieldIndexer) error {
	for name, keys := range map[string]func(*kustomizev1.Kustomization) []string{
		indexSource:    func(o *kustomizev1.Kustomization) []string { return []string{sourceRef(o).String()} },
		indexDependsOn: dependsOnKeys,
		indexConfig:    configKeys,
	} {
		extract := func(obj client.Object) []string {
			ks, ok := obj.(*kustomizev1.Kustomization)
			if !ok {
				return nil
			}
			return keys(ks)
		}
		if err := indexer.IndexField(ctx, &kustomizev1.Kustomization{}, name, extract); err != nil {
			return fmt.Errorf("index %s: %w", name, err)
		}
	}
	return nil
}

func dependsOnKeys(obj *kustomizev1.Kustomization) []string {
	var keys []string
	for _, ref := range dependencies(obj) {
		keys = append(keys, ref.String())
	}
	return keys
}

func configKeys(obj *kustomizev1.Kustomization) []string {
	if obj.Spec.PostBuild == nil {
		return nil
	}
	var keys []string
	for _, ref := range obj.Spec.PostBuild.SubstituteFrom {
		keys = append(keys, access.Reference{Kind: ref.Kind, Namespace: obj.Namespace, Name: ref.Name}.String())
	}
	return keys
}

// watch lists everything whose change starts a run.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options) *builder.Builder {
	b := ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&kustomizev1.Kustomization{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&kustomizev1.Kustomization{}, handler.EnqueueRequestsFromMapFunc(r.dependents), builder.WithPredicates(mattersToDependents())).
		WatchesRawSource(ctrlsource.Func(r.Waker.Start))
	kinds := []string{sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind, sourcev1.BucketKind}
	if r.ExternalArtifacts {
		kinds = append(kinds, sourcev1.ExternalArtifactKind)
	}
	for _, kind := range kinds {
		obj, err := source.New(kind)
		if err != nil {
			continue // the list above holds only kinds that exist
		}
		b = b.Watches(obj, handler.EnqueueRequestsFromMapFunc(r.consumers(kind)), builder.WithPredicates(source.ArtifactChanged()))
	}
	if r.WatchConfigs {
		b = b.
			WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.users("ConfigMap")), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
			WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.users("Secret")), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{}))
	}
	return b
}

// dependents finds the objects that wait for obj. One that is not ready can only matter to those that judge it by an expression.
func (r *Reconciler) dependents(ctx context.Context, obj client.Object) []ctrl.Request {
	ks, ok := obj.(*kustomizev1.Kustomization)
	if !ok {
		return nil
	}
	isReady := ready(ks)
	return r.requests(ctx, indexDependsOn, key(obj).String(), func(dependent *kustomizev1.Kustomization) bool {
		return !isReady && !slices.ContainsFunc(dependencies(dependent), func(ref depends.Reference) bool {
			return ref.ReadyExpr != "" && ref.NamespacedName == key(obj)
		})
	})
}

// users finds the objects that take variables from a ConfigMap or Secret.
func (r *Reconciler) users(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		return r.requests(ctx, indexConfig, access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}.String(), nil)
	}
}

// consumers finds the objects fed by a source. Those that have dealt with its artifact are not left out: a run of theirs costs no request, and
// what their status says may be behind a run that is under way. Those that others depend on come first, so that dependents find them done.
func (r *Reconciler) consumers(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		if src, ok := obj.(source.Object); !ok || src.GetArtifact() == nil {
			return nil
		}
		return r.requests(ctx, indexSource, access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}.String(), nil)
	}
}

func (r *Reconciler) requests(ctx context.Context, index, value string, skip func(*kustomizev1.Kustomization) bool) []ctrl.Request {
	var list kustomizev1.KustomizationList
	if err := r.Client.List(ctx, &list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the objects that a change concerns", "index", index, "value", value)
		return nil
	}
	items := make([]*kustomizev1.Kustomization, 0, len(list.Items))
	for i := range list.Items {
		if skip == nil || !skip(&list.Items[i]) {
			items = append(items, &list.Items[i])
		}
	}
	slices.SortStableFunc(items, func(a, b *kustomizev1.Kustomization) int { return len(a.Spec.DependsOn) - len(b.Spec.DependsOn) })
	requests := make([]ctrl.Request, 0, len(items))
	for _, ks := range items {
		requests = append(requests, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: ks.Namespace, Name: ks.Name}})
	}
	return requests
}

// mattersToDependents lets the updates pass after which an object may be ready for those that depend on it: it became ready, it applied
// another revision, or, for expressions, its status changed while it is not ready.
func mattersToDependents() predicate.Predicate {
	verdict := func(obj client.Object) (string, bool) {
		ks, ok := obj.(*kustomizev1.Kustomization)
		if !ok {
			return "", false
		}
		return ks.Status.LastAppliedRevision, ready(ks)
	}
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, wasReady := verdict(e.ObjectOld)
			is, isReady := verdict(e.ObjectNew)
			if isReady {
				return !wasReady || was != is
			}
			return e.ObjectOld.GetResourceVersion() != e.ObjectNew.GetResourceVersion()
		},
	}
}
