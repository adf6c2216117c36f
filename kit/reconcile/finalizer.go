// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/weir-gitops/weir/kit/outcome"
)

// delete runs the deletion phases and then lets the object go.
func (d *Driver[O, S]) delete(ctx context.Context, a *attempt[O, S]) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(a.obj, d.Kind.Finalizer) {
		return ctrl.Result{}, nil
	}
	r := d.walk(ctx, d.Kind.Deletion, a.scope)
	r.Deleting = true
	r.Duration = d.Clock().Sub(a.started)
	if r.Class != outcome.Done {
		r.Next = r.After
		return d.finish(ctx, a, r)
	}
	d.tell(a, r)
	controllerutil.RemoveFinalizer(a.obj, d.Kind.Finalizer)
	if err := d.patchMeta(ctx, a.obj, a.before); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("remove finalizer: %w", err)
	}
	d.forget(client.ObjectKeyFromObject(a.obj))
	return ctrl.Result{}, nil
}

func (d *Driver[O, S]) ensureFinalizer(ctx context.Context, obj O) error {
	if !obj.GetDeletionTimestamp().IsZero() || controllerutil.ContainsFinalizer(obj, d.Kind.Finalizer) {
		return nil
	}
	base := deepCopy(obj)
	controllerutil.AddFinalizer(obj, d.Kind.Finalizer)
	if err := d.patchMeta(ctx, obj, base); err != nil {
		return fmt.Errorf("add finalizer: %w", err)
	}
	d.own.wrote(obj)
	return nil
}

// patchMeta writes metadata with an optimistic lock, as the list of finalizers is replaced whole.
func (d *Driver[O, S]) patchMeta(ctx context.Context, obj, base O) error {
	return d.Client.Patch(ctx, obj, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}), client.FieldOwner(d.FieldOwner))
}
