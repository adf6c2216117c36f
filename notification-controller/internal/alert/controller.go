// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"context"
	"errors"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// fieldOwner is the field manager of what is written to Alerts.
const fieldOwner = "notification-controller"

// Reconciler takes the finalizer away that older versions put on Alerts. An Alert has no status and needs nothing else. All fields are required.
type Reconciler struct {
	// Client reads Alerts from the cache and writes them.
	Client   client.Client
	Recorder reconcile.Recorder
}

// Setup registers the kind. Only Alerts with the finalizer start a run.
//
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=alerts,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(mgr ctrl.Manager, opts controller.Options) error {
	if r.Client == nil || r.Recorder == nil {
		return errors.New("set up Alert: reconciler needs Client and Recorder")
	}
	left := predicate.NewPredicateFuncs(func(o client.Object) bool {
		return controllerutil.ContainsFinalizer(o, notificationv1beta3.Finalizer)
	})
	return ctrl.NewControllerManagedBy(mgr).
		For(&notificationv1beta3.Alert{}, builder.WithPredicates(left)).
		WithOptions(opts).
		Complete(r)
}

// Reconcile removes the finalizer, but leaves a suspended Alert alone unless it is being deleted.
// Flux: contract notification-controller, "Alert reconciler".
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	alert := &notificationv1beta3.Alert{}
	if err := r.Client.Get(ctx, req.NamespacedName, alert); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if alert.Spec.Suspend && alert.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := alert.DeepCopy()
	if !controllerutil.RemoveFinalizer(alert, notificationv1beta3.Finalizer) {
		return ctrl.Result{}, nil
	}
	lock := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, alert, lock, client.FieldOwner(fieldOwner)); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(fmt.Errorf("remove finalizer: %w", err))
	}
	r.Recorder.Event(before, events.Event{
		Reason: notificationv1beta3.MigrationReason, Message: "finalizer of an older version removed", To: events.Cluster,
	})
	return ctrl.Result{}, nil
}
