// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"
	"slices"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
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

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/depends"
	"github.com/weir-gitops/weir/kit/source"
)

// Names of the cache indexes.
const (
	indexSource    = ".metadata.source"
	indexDependsOn = ".metadata.dependsOn"
	indexConfig    = ".metadata.config"
	indexRelease   = ".status.release"
)

// index lets the objects be found by what they refer to.
func (r *Reconciler) index(ctx context.Context, indexer client.FieldIndexer) error {
	for name, keys := range map[string]func(*helmv2.HelmRelease) []string{
		indexSource:    func(o *helmv2.HelmRelease) []string { return []string{sourceRef(o).String()} },
		indexDependsOn: dependsOnKeys,
		indexConfig:    configKeys,
		indexRelease:   releaseKeys,
	} {
		extract := func(obj client.Object) []string {
			hr, ok := obj.(*helmv2.HelmRelease)
			if !ok {
				return nil
			}
			return keys(hr)
		}
		if err := indexer.IndexField(ctx, &helmv2.HelmRelease{}, name, extract); err != nil {
			return fmt.Errorf("index %s: %w", name, err)
		}
	}
	return nil
}

func dependsOnKeys(obj *helmv2.HelmRelease) []string {
	var keys []string
	for _, ref := range dependencies(obj) {
		keys = append(keys, ref.String())
	}
	return keys
}

func configKeys(obj *helmv2.HelmRelease) []string {
	var keys []string
	for _, ref := range obj.Spec.ValuesFrom {
		keys = append(keys, access.Reference{Kind: ref.Kind, Namespace: obj.Namespace, Name: ref.Name}.String())
	}
	return keys
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
func (r *Reconciler) watch(mgr ctrl.Manager, opts controller.Options) *builder.Builder {
	b := ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&helmv2.HelmRelease{}, builder.WithPredicates(r.interrupting(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})))).
		Watches(&helmv2.HelmRelease{}, handler.EnqueueRequestsFromMapFunc(r.dependents), builder.WithPredicates(becameReady())).
		WatchesRawSource(ctrlsource.Func(r.Waker.Start))
	for _, kind := range []string{sourcev1.HelmChartKind, sourcev1.OCIRepositoryKind} {
		obj, err := source.New(kind)
		if err != nil {
			continue // the list above holds only kinds that exist
		}
		b = b.Watches(obj, handler.EnqueueRequestsFromMapFunc(r.consumers(kind)), builder.WithPredicates(serves()))
	}
	if r.WatchConfigs {
		b = b.
			WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.users("ConfigMap")), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
			WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.users("Secret")), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{}))
	}
	return b
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

// dependents finds the objects that wait for obj. One that is not ready can only matter to those that judge it by an expression.
func (r *Reconciler) dependents(ctx context.Context, obj client.Object) []ctrl.Request {
	hr, ok := obj.(*helmv2.HelmRelease)
	if !ok {
		return nil
	}
	isReady := ready(hr)
	return requests(r.find(ctx, indexDependsOn, key(obj).String(), func(dependent *helmv2.HelmRelease) bool {
		if isReady {
			return !ready(dependent) // what is ready has no use for it
		}
		return slices.ContainsFunc(dependencies(dependent), func(ref depends.Reference) bool {
			return ref.ReadyExpr != "" && ref.NamespacedName == key(obj)
		})
	}))
}

// users finds the objects that take values from a ConfigMap or Secret.
func (r *Reconciler) users(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		ref := access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}.String()
		return r.superseding(r.find(ctx, indexConfig, ref, nil), ref, "")
	}
}

// consumers finds the objects fed by a source. Those that have dealt with its artifact are not left out: a run of theirs costs no request, and
// what their status says may be behind a run that is under way.
func (r *Reconciler) consumers(kind string) handler.MapFunc {
	return func(ctx context.Context, obj client.Object) []ctrl.Request {
		ref := access.Reference{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}.String()
		found := r.find(ctx, indexSource, ref, nil)
		if src, ok := obj.(source.Object); ok && src.GetArtifact() != nil && src.GetDeletionTimestamp().IsZero() {
			return r.superseding(found, ref, src.GetArtifact().Digest)
		}
		return requests(found)
	}
}

// Released wakes the object whose release somebody else has changed in Helm's storage; it is what storage.Ledger calls.
func (r *Reconciler) Released(ctx context.Context, release storage.Key) {
	for _, hr := range r.find(ctx, indexRelease, release.Namespace+"/"+release.Release, nil) {
		r.Waker.Wake(key(hr))
	}
}

// superseding tells runs that are under way that something newer is there to be released.
func (r *Reconciler) superseding(objects []*helmv2.HelmRelease, by, artifact string) []ctrl.Request {
	for _, hr := range objects {
		r.records.supersede(key(hr), by, artifact)
	}
	return requests(objects)
}

// find lists the objects with that value in the index; keep may leave some out.
func (r *Reconciler) find(ctx context.Context, index, value string, keep func(*helmv2.HelmRelease) bool) []*helmv2.HelmRelease {
	var list helmv2.HelmReleaseList
	if err := r.Client.List(ctx, &list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the objects that a change concerns", "index", index, "value", value)
		return nil
	}
	var found []*helmv2.HelmRelease
	for i := range list.Items {
		if keep == nil || keep(&list.Items[i]) {
			found = append(found, &list.Items[i])
		}
	}
	return found
}

// requests puts those that others may wait for first.
func requests(objects []*helmv2.HelmRelease) []ctrl.Request {
	slices.SortStableFunc(objects, func(a, b *helmv2.HelmRelease) int { return len(a.Spec.DependsOn) - len(b.Spec.DependsOn) })
	list := make([]ctrl.Request, 0, len(objects))
	for _, hr := range objects {
		list = append(list, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: hr.Namespace, Name: hr.Name}})
	}
	return list
}

// becameReady lets the updates pass after which an object may be ready for those that depend on it: it became ready, or, for expressions, its
// status changed while it is not.
func becameReady() predicate.Predicate {
	verdict := func(obj client.Object) bool {
		hr, ok := obj.(*helmv2.HelmRelease)
		return ok && ready(hr)
	}
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			if verdict(e.ObjectNew) {
				return !verdict(e.ObjectOld)
			}
			return e.ObjectOld.GetResourceVersion() != e.ObjectNew.GetResourceVersion()
		},
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
