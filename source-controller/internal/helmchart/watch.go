// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/source"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// indexSource finds charts by their source, as "<kind>/<namespace>/<name>".
const indexSource = ".metadata.source"

// index lets charts be found by their source.
func (r *Reconciler) index(ctx context.Context, indexer client.FieldIndexer) error {
	extract := func(obj client.Object) []string {
		if chart, ok := obj.(*sourcev1.HelmChart); ok {
			return []string{sourceOf(chart).String()}
		}
		return nil
	}
	if err := indexer.IndexField(ctx, &sourcev1.HelmChart{}, indexSource, extract); err != nil {
		return fmt.Errorf("index %s: %w", indexSource, err)
	}
	return nil
}

// sourceOf names the source of a chart.
func sourceOf(o *sourcev1.HelmChart) access.Reference {
	return access.Reference{Kind: o.Spec.SourceRef.Kind, Namespace: o.Namespace, Name: o.Spec.SourceRef.Name}
}

// watch lists everything whose change starts a run.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options) *builder.Builder {
	return publish.Builder(mgr, opts, &sourcev1.HelmChart{}).
		Watches(&sourcev1.HelmRepository{}, handler.EnqueueRequestsFromMapFunc(r.chartsOf(sourcev1.HelmRepositoryKind)),
			builder.WithPredicates(predicate.Or(source.ArtifactChanged(), settingsChanged()))).
		Watches(&sourcev1.GitRepository{}, handler.EnqueueRequestsFromMapFunc(r.chartsOf(sourcev1.GitRepositoryKind)),
			builder.WithPredicates(source.ArtifactChanged()))
}

// settingsChanged lets a HelmRepository pass whose spec changed: a chart may have failed for want of what is in it now, as credentials, and the
// index need not change with them.
func settingsChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration()
		},
	}
}

func isRegistry(obj client.Object) bool {
	repository, ok := obj.(*sourcev1.HelmRepository)
	return ok && repository.Spec.Type == sourcev1.HelmRepositoryTypeOCI
}

// chartsOf lists the charts from a source of that kind. The contract has only those woken that have not seen the revision; but a chart that found
// an artifact gone from storage, and says so at the moment in which it is there again, would wait for nothing. To wake one in vain costs no request.
func (r *Reconciler) chartsOf(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		if from, ok := obj.(source.Object); ok && from.GetArtifact() == nil && !isRegistry(obj) {
			return nil
		}
		ref := access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
		var charts sourcev1.HelmChartList
		if err := r.Client.List(ctx, &charts, client.InNamespace(obj.GetNamespace()), client.MatchingFields{indexSource: ref.String()}); err != nil {
			logr.FromContextOrDiscard(ctx).Error(err, "charts of a source not listed", "source", ref.String())
			return nil
		}
		requests := make([]ctrl.Request, 0, len(charts.Items))
		for i := range charts.Items {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&charts.Items[i])})
		}
		return requests
	}
}
