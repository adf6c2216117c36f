// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// byType leads objects of the type oci past the driver: they are not reconciled, only cleaned of what another type left.
type byType struct {
	client client.Reader
	driver reconcile.Reconciler
	static func(ctx context.Context, o *sourcev1.HelmRepository) error
}

// Reconcile implements reconcile.Reconciler.
func (b *byType) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o := &sourcev1.HelmRepository{}
	if err := b.client.Get(ctx, req.NamespacedName, o); err == nil && isStatic(o) {
		return ctrl.Result{}, client.IgnoreNotFound(b.static(ctx, o))
	}
	// Also what is missing, or cannot be read.
	return b.driver.Reconcile(ctx, req)
}

// isStatic reports whether the object is one that nothing is published for. One that is being deleted goes the usual way.
func isStatic(o *sourcev1.HelmRepository) bool {
	return o.Spec.Type == sourcev1.HelmRepositoryTypeOCI && o.DeletionTimestamp.IsZero()
}

// static removes what an object of the type oci does not have: files, finalizer and status. Flux: source-controller contract, "type oci".
func (r *Reconciler) static(ctx context.Context, o *sourcev1.HelmRepository) error {
	hasFinalizer := controllerutil.ContainsFinalizer(o, sourcev1.Finalizer)
	hasStatus := !apiequality.Semantic.DeepEqual(o.Status, sourcev1.HelmRepositoryStatus{})
	if o.Spec.Suspend || !hasFinalizer && !hasStatus {
		return nil
	}
	if err := r.Store.RemoveObject(Object(o)); err != nil {
		return fmt.Errorf("remove stored files: %w", err)
	}
	if hasStatus {
		before := o.DeepCopy()
		o.Status = sourcev1.HelmRepositoryStatus{}
		// With the lock: what the last run of the other type wrote may not be in the cache yet, and nothing comes back for it.
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := r.Client.Status().Patch(ctx, o, patch, client.FieldOwner(publish.FieldOwner)); err != nil {
			return fmt.Errorf("clear status: %w", err)
		}
	}
	if !hasFinalizer {
		return nil
	}
	before := o.DeepCopy()
	controllerutil.RemoveFinalizer(o, sourcev1.Finalizer)
	if err := r.Client.Patch(ctx, o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), client.FieldOwner(publish.FieldOwner)); err != nil {
		return fmt.Errorf("remove finalizer: %w", err)
	}
	return nil
}
