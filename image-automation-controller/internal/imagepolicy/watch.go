// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/predicates"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/referrer"
)

// Names of the indexes of the cache: by repository, and by namespace where the repository is in another one.
const (
	indexRepository = ".spec.imageRepository"
	indexVisitors   = ".spec.imageRepository.visitors"
)

// repositoryKey names the repository of an object.
func repositoryKey(o *imagev1.ImagePolicy) types.NamespacedName {
	ref := o.Spec.ImageRepositoryRef
	return types.NamespacedName{Namespace: cmp.Or(ref.Namespace, o.Namespace), Name: ref.Name}
}

// kind finds the objects by what concerns them.
func (r *Reconciler) kind() *referrer.Kind[*imagev1.ImagePolicy] {
	return &referrer.Kind[*imagev1.ImagePolicy]{
		Reader:  r.Client,
		New:     func() *imagev1.ImagePolicy { return &imagev1.ImagePolicy{} },
		NewList: func() client.ObjectList { return &imagev1.ImagePolicyList{} },
	}
}

// index lets the objects be found by the repository that they refer to, and those that need leave for that by their namespace.
func (r *Reconciler) index(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(
		r.kind().Index(ctx, indexer, indexRepository, func(o *imagev1.ImagePolicy) []string { return []string{repositoryKey(o).String()} }),
		r.kind().Index(ctx, indexer, indexVisitors, func(o *imagev1.ImagePolicy) []string {
			if repositoryKey(o).Namespace == o.Namespace {
				return nil
			}
			return []string{o.Namespace}
		}),
	)
}

// watch lists everything whose change starts a run: a new spec, a request, labels that make the object one of ours, and other tags of the
// repository. Later the labels of namespaces join, where they count.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options) *builder.Builder {
	return ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&imagev1.ImagePolicy{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}, r.selectedNow()))).
		Watches(&imagev1.ImageRepository{}, handler.EnqueueRequestsFromMapFunc(r.users), builder.WithPredicates(tagsChanged()))
}

// selectedNow lets the updates pass that make an object one of ours.
func (r *Reconciler) selectedNow() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return r.Selector.Matches(labels.Set(e.ObjectNew.GetLabels())) && !r.Selector.Matches(labels.Set(e.ObjectOld.GetLabels()))
		},
	}
}

// tagsChanged lets the events of repositories pass after which policies may choose otherwise: other tags, another image, other rules of access,
// and tags that are back after they were lost, which shows as Ready.
func tagsChanged() predicate.Predicate {
	changed := func(before, after *imagev1.ImageRepository) bool {
		return before.Generation != after.Generation || before.Status.CanonicalImageName != after.Status.CanonicalImageName ||
			revision(before) != revision(after) || conditions.IsTrue(after, meta.ReadyCondition) && !conditions.IsTrue(before, meta.ReadyCondition)
	}
	return predicate.Funcs{
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*imagev1.ImageRepository)
			after, ok2 := e.ObjectNew.(*imagev1.ImageRepository)
			return ok && ok2 && changed(before, after)
		},
	}
}

func revision(o *imagev1.ImageRepository) string {
	if o.Status.LastScanResult == nil {
		return ""
	}
	return o.Status.LastScanResult.Revision
}

// users finds the objects that choose from a repository.
func (r *Reconciler) users(ctx context.Context, repository client.Object) []ctrl.Request {
	return r.requests(ctx, indexRepository, client.ObjectKeyFromObject(repository).String())
}

// visitors finds the objects of a Namespace that choose from a repository elsewhere.
func (r *Reconciler) visitors(ctx context.Context, namespace client.Object) []ctrl.Request {
	return r.requests(ctx, indexVisitors, namespace.GetName())
}

// requests asks for a run of those of our objects that an index has.
func (r *Reconciler) requests(ctx context.Context, index, value string) []ctrl.Request {
	found := r.kind().Find(ctx, index, value)
	return referrer.Requests(slices.DeleteFunc(found, func(o *imagev1.ImagePolicy) bool { return !r.Selector.Matches(labels.Set(o.Labels)) }))
}

// selected passes on the requests for objects that are ours. The cache has the others as well.
type selected struct {
	next     ctrlreconcile.Reconciler
	reader   client.Reader
	selector labels.Selector
}

// Reconcile implements the interface of controller-runtime.
func (s *selected) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if !s.selector.Empty() {
		var o imagev1.ImagePolicy
		if err := s.reader.Get(ctx, req.NamespacedName, &o, client.UnsafeDisableDeepCopy); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, fmt.Errorf("read ImagePolicy: %w", err)
		} else if err == nil && !s.selector.Matches(labels.Set(o.Labels)) {
			return ctrl.Result{}, nil
		}
	}
	return s.next.Reconcile(ctx, req)
}
