// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"errors"

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
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/source"
)

// indexNamespace is the name of the cache index by namespace.
const indexNamespace = ".metadata.namespace.automations"

// references is what concerns the objects, and whose change starts their runs.
type references struct {
	*referrer.Kind[*imagev1.ImageUpdateAutomation]

	sources source.Consumers[*imagev1.ImageUpdateAutomation]
}

func (r *Reconciler) references() references {
	kind := &referrer.Kind[*imagev1.ImageUpdateAutomation]{
		Reader:  r.Client,
		New:     func() *imagev1.ImageUpdateAutomation { return &imagev1.ImageUpdateAutomation{} },
		NewList: func() client.ObjectList { return &imagev1.ImageUpdateAutomationList{} },
	}
	return references{Kind: kind, sources: source.Consumers[*imagev1.ImageUpdateAutomation]{Kind: kind, Ref: sourceRef}}
}

// index lets the objects be found by the repository that they refer to, and by their namespace.
func (f *references) index(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(
		f.sources.Index(ctx, indexer),
		f.Index(ctx, indexer, indexNamespace, func(o *imagev1.ImageUpdateAutomation) []string { return []string{o.Namespace} }),
	)
}

// watch lists everything whose change starts a run: a new spec, a request, another choice of a policy in the namespace, another spec or a new
// artifact of the repository, and the end of the run of another object that writes to the same branch.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options, refs references) (*builder.Builder, error) {
	b := ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&imagev1.ImageUpdateAutomation{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&imagev1.ImagePolicy{}, handler.EnqueueRequestsFromMapFunc(refs.neighbours), builder.WithPredicates(choiceChanged())).
		WatchesRawSource(ctrlsource.Func(r.writers.start))
	return refs.sources.Watch(b, predicate.Or(predicate.GenerationChangedPredicate{}, source.ArtifactChanged()), sourcev1.GitRepositoryKind)
}

// neighbours finds the objects in the namespace of a policy.
func (f *references) neighbours(ctx context.Context, policy client.Object) []ctrl.Request {
	return referrer.Requests(f.Find(ctx, indexNamespace, policy.GetNamespace()))
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
