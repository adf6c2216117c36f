// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/source"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// indexSource is the name of the cache index by source.
const indexSource = ".metadata.source"

// watch lists everything whose change starts a run.
func (r *Reconciler) watch(ctx context.Context, mgr ctrl.Manager, opts controller.Options) (*builder.Builder, error) {
	charts := &referrer.Kind[*sourcev1.HelmChart]{
		Reader:  r.Client,
		New:     func() *sourcev1.HelmChart { return &sourcev1.HelmChart{} },
		NewList: func() client.ObjectList { return &sourcev1.HelmChartList{} },
	}
	err := charts.Index(ctx, mgr.GetFieldIndexer(), indexSource, func(o *sourcev1.HelmChart) []string {
		return []string{reference(o.Spec.SourceRef.Kind, o.Namespace, o.Spec.SourceRef.Name)}
	})
	from := func(kind string) handler.EventHandler {
		return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []ctrl.Request {
			return referrer.Requests(charts.Find(ctx, indexSource, reference(kind, o.GetNamespace(), o.GetName())))
		})
	}
	changed := builder.WithPredicates(sourceChanged())
	return publish.Builder(mgr, opts, &sourcev1.HelmChart{}).
		Watches(&sourcev1.HelmRepository{}, from(sourcev1.HelmRepositoryKind), changed).
		Watches(&sourcev1.GitRepository{}, from(sourcev1.GitRepositoryKind), changed), err
}

// reference names a source in the index.
func reference(kind, namespace, name string) string {
	return access.Reference{Kind: kind, Namespace: namespace, Name: name}.String()
}

// sourceChanged lets a source pass that has another artifact, or a HelmRepository whose spec changed: a chart may have failed for want of what is
// in it now, as credentials, and the index need not change with them. The contract has only those charts woken that have not seen the revision; but
// one that found an artifact gone from storage, and says so at the moment in which it is there again, would wait for nothing.
func sourceChanged() predicate.Predicate {
	return predicate.Or(source.ArtifactChanged(), predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			_, isRepository := e.ObjectNew.(*sourcev1.HelmRepository)
			return isRepository && e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration()
		},
	})
}
