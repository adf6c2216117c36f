// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"

	"github.com/fluxcd/pkg/runtime/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/source"
)

// references is what Kustomizations refer to, and whose change starts their runs.
type references struct {
	sources    source.Consumers[*kustomizev1.Kustomization]
	dependents depends.Dependents[*kustomizev1.Kustomization]
	configs    referrer.Configs[*kustomizev1.Kustomization]
}

func (r *Reconciler) references() references {
	kind := &referrer.Kind[*kustomizev1.Kustomization]{
		Reader:  r.Client,
		New:     func() *kustomizev1.Kustomization { return &kustomizev1.Kustomization{} },
		NewList: func() client.ObjectList { return &kustomizev1.KustomizationList{} },
		// Those that others depend on come first, so that dependents find them done.
		Rank: func(o *kustomizev1.Kustomization) int { return len(o.Spec.DependsOn) },
	}
	return references{
		sources: source.Consumers[*kustomizev1.Kustomization]{Kind: kind, Ref: sourceRef},
		dependents: depends.Dependents[*kustomizev1.Kustomization]{
			Kind: kind, Ready: ready,
			Applied: func(o *kustomizev1.Kustomization) string { return o.Status.LastAppliedRevision },
		},
		configs: referrer.Configs[*kustomizev1.Kustomization]{Kind: kind, Refs: configRefs},
	}
}

// index lets the objects be found by what they refer to.
func (f *references) index(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(f.sources.Index(ctx, indexer), f.dependents.Index(ctx, indexer), f.configs.Index(ctx, indexer))
}

// watch lists everything whose change starts a run.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options, refs references) (*builder.Builder, error) {
	b := ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&kustomizev1.Kustomization{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		WatchesRawSource(ctrlsource.Func(r.Waker.Start))
	b = refs.dependents.Watch(b)
	if r.WatchConfigs {
		b = refs.configs.Watch(b)
	}
	kinds := []string{sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind, sourcev1.BucketKind}
	if r.ExternalArtifacts {
		kinds = append(kinds, sourcev1.ExternalArtifactKind)
	}
	return refs.sources.Watch(b, source.ArtifactChanged(), kinds...)
}

// configRefs names the ConfigMaps and Secrets that an object takes variables from.
func configRefs(obj *kustomizev1.Kustomization) []access.Reference {
	if obj.Spec.PostBuild == nil {
		return nil
	}
	var refs []access.Reference
	for _, ref := range obj.Spec.PostBuild.SubstituteFrom {
		refs = append(refs, access.Reference{Kind: ref.Kind, Namespace: obj.Namespace, Name: ref.Name})
	}
	return refs
}
