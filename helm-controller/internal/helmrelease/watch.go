// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/source"
)

// indexRelease is the name of the cache index by where the release of an object is stored.
const indexRelease = ".status.release"

// references is what HelmReleases refer to, and whose change starts their runs.
type references struct {
	sources    source.Consumers[*helmv2.HelmRelease]
	dependents depends.Dependents[*helmv2.HelmRelease]
	configs    referrer.Configs[*helmv2.HelmRelease]
}

// kind finds HelmReleases in the cache, those first that others may wait for.
func (r *Reconciler) kind() *referrer.Kind[*helmv2.HelmRelease] {
	return &referrer.Kind[*helmv2.HelmRelease]{
		Reader:  r.Client,
		New:     func() *helmv2.HelmRelease { return &helmv2.HelmRelease{} },
		NewList: func() client.ObjectList { return &helmv2.HelmReleaseList{} },
		Rank:    func(o *helmv2.HelmRelease) int { return len(o.Spec.DependsOn) },
	}
}

func (r *Reconciler) references() references {
	kind := r.kind()
	return references{
		sources: source.Consumers[*helmv2.HelmRelease]{
			Kind: kind, Ref: sourceRef,
			News: func(objects []*helmv2.HelmRelease, from access.Reference, digest string) {
				r.supersede(objects, from.String(), digest)
			},
		},
		dependents: depends.Dependents[*helmv2.HelmRelease]{Kind: kind, Ready: ready, Content: ready},
		configs: referrer.Configs[*helmv2.HelmRelease]{
			Kind: kind, Refs: configRefs,
			News: func(objects []*helmv2.HelmRelease, changed access.Reference) {
				r.supersede(objects, changed.String(), "")
			},
		},
	}
}

// index lets the objects be found by what they refer to.
func (f *references) index(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(f.sources.Index(ctx, indexer), f.dependents.Index(ctx, indexer), f.configs.Index(ctx, indexer),
		f.sources.Kind.Index(ctx, indexer, indexRelease, releaseKeys))
}

// configRefs names the ConfigMaps and Secrets that an object takes values from.
func configRefs(obj *helmv2.HelmRelease) []access.Reference {
	var refs []access.Reference
	for _, ref := range obj.Spec.ValuesFrom {
		refs = append(refs, access.Reference{Kind: ref.Kind, Namespace: obj.Namespace, Name: ref.Name})
	}
	return refs
}

// releaseKeys is where the release of the object is stored, once it is.
func releaseKeys(obj *helmv2.HelmRelease) []string {
	latest := obj.Status.History.Latest()
	if latest == nil || obj.Status.StorageNamespace == "" {
		return nil
	}
	return []string{obj.Status.StorageNamespace + "/" + latest.Name}
}

// watch lists everything whose change starts a run.
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options, refs references) (*builder.Builder, error) {
	b := ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&helmv2.HelmRelease{}, builder.WithPredicates(r.interrupting(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})))).
		WatchesRawSource(ctrlsource.Func(r.Waker.Start))
	b = refs.dependents.Watch(b)
	if r.WatchConfigs {
		b = refs.configs.Watch(b)
	}
	return refs.sources.Watch(b, serves(), sourcev1.HelmChartKind, sourcev1.OCIRepositoryKind)
}

// interrupting passes on what the predicate decides, and tells a run of the object that is under way of what it lets pass.
func (r *Reconciler) interrupting(p predicate.Predicate) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: p.Create, DeleteFunc: p.Delete, GenericFunc: p.Generic,
		UpdateFunc: func(e event.UpdateEvent) bool {
			pass := p.Update(e)
			if pass {
				r.records.supersede(key(e.ObjectNew), fmt.Sprintf("%s/%s/%s", helmv2.HelmReleaseKind, e.ObjectNew.GetNamespace(), e.ObjectNew.GetName()), "")
			}
			return pass
		},
	}
}

// Released wakes the object whose release somebody else has changed in Helm's storage; it is what storage.Ledger calls.
func (r *Reconciler) Released(ctx context.Context, release storage.Key) {
	for _, hr := range r.kind().Find(ctx, indexRelease, release.Namespace+"/"+release.Release) {
		r.Waker.Wake(key(hr))
	}
}

// supersede tells runs of the objects that are under way that something newer is there to be released.
func (r *Reconciler) supersede(objects []*helmv2.HelmRelease, by, artifact string) {
	for _, hr := range objects {
		r.records.supersede(key(hr), by, artifact)
	}
}

// serves lets the events pass after which a source has something for its consumers: another artifact, or another answer to whether, and why
// not, it is fit to be used. A source that is gone is told, too: a HelmChart that somebody deleted is made again.
func serves() predicate.Predicate {
	changed := source.ArtifactChanged()
	state := func(obj client.Object) (cause string, ready bool) {
		src, ok := obj.(sourceObject)
		if !ok {
			return "", false
		}
		return notServing(src), conditions.IsTrue(src, meta.ReadyCondition)
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool {
			cause, _ := state(e.Object)
			return cause == ""
		},
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		GenericFunc: changed.Generic,
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, wasReady := state(e.ObjectOld)
			is, isReady := state(e.ObjectNew)
			return changed.Update(e) || was != is || isReady && !wasReady
		},
	}
}
