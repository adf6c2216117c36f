// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/source"
)

// consumers finds charts by their source.
func (r *Reconciler) consumers() *source.Consumers[*sourcev1.HelmChart] {
	return &source.Consumers[*sourcev1.HelmChart]{
		Kind: &referrer.Kind[*sourcev1.HelmChart]{
			Reader:  r.Client,
			New:     func() *sourcev1.HelmChart { return &sourcev1.HelmChart{} },
			NewList: func() client.ObjectList { return &sourcev1.HelmChartList{} },
		},
		Ref: func(o *sourcev1.HelmChart) access.Reference {
			return access.Reference{Kind: o.Spec.SourceRef.Kind, Namespace: o.Namespace, Name: o.Spec.SourceRef.Name}
		},
	}
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
