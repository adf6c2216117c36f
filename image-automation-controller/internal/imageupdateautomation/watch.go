// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"fmt"

	"github.com/fluxcd/pkg/runtime/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/source"
)

// indexSource is the name of the cache index by repository.
const indexSource = ".spec.gitRepository"

// index lets the objects be found by the repository that they refer to.
func (r *Reconciler) index(ctx context.Context, indexer client.FieldIndexer) error {
	extract := func(obj client.Object) []string {
		o, ok := obj.(*imagev1.ImageUpdateAutomation)
		if !ok {
			return nil
		}
		ref := sourceRef(o)
		return []string{ref.Namespace + "/" + ref.Name}
	}
	if err := indexer.IndexField(ctx, &imagev1.ImageUpdateAutomation{}, indexSource, extract); err != nil {
		return fmt.Errorf("index %s: %w", indexSource, err)
	}
	return nil
}

// watch lists everything whose change starts a run: a new spec, a request, another choice of a policy in the namespace, another spec or a new
// artifact of the repository, and the end of the run of another object that writes to the same branch.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options) *builder.Builder {
	return ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&imagev1.ImageUpdateAutomation{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&imagev1.ImagePolicy{}, handler.EnqueueRequestsFromMapFunc(r.neighbours), builder.WithPredicates(choiceChanged())).
		Watches(&sourcev1.GitRepository{}, handler.EnqueueRequestsFromMapFunc(r.users),
			builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, source.ArtifactChanged()))).
		WatchesRawSource(ctrlsource.Func(r.writers.start))
}

// choiceChanged lets the updates of policies pass that choose something else.
func choiceChanged() predicate.Predicate {
	choice := func(obj client.Object) imagev1.ImageRef {
		if policy, ok := obj.(*imagev1.ImagePolicy); ok && policy.Status.LatestRef != nil {
			return *policy.Status.LatestRef
		}
		return imagev1.ImageRef{}
	}
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			is := choice(e.ObjectNew)
			return is != imagev1.ImageRef{} && is != choice(e.ObjectOld)
		},
	}
}

// neighbours finds the objects in the namespace of a policy.
func (r *Reconciler) neighbours(ctx context.Context, obj client.Object) []ctrl.Request {
	return r.requests(ctx, client.InNamespace(obj.GetNamespace()))
}

// users finds the objects that write to a repository.
func (r *Reconciler) users(ctx context.Context, obj client.Object) []ctrl.Request {
	return r.requests(ctx, client.MatchingFields{indexSource: obj.GetNamespace() + "/" + obj.GetName()})
}

func (r *Reconciler) requests(ctx context.Context, which client.ListOption) []ctrl.Request {
	var list imagev1.ImageUpdateAutomationList
	if err := r.Client.List(ctx, &list, which, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the objects that a change concerns")
		return nil
	}
	requests := make([]ctrl.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
