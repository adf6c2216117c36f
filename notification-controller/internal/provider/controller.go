// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

const (
	// fieldOwner is the field manager of what is written to Providers.
	fieldOwner = "notification-controller"
	// unsupportedReason is that of the other kinds for what this version does not do.
	unsupportedReason = "Unsupported"
)

// Reconciler keeps the finalizer of Providers. All fields are required.
type Reconciler struct {
	// Client reads Providers from the cache and writes them.
	Client   client.Client
	Recorder reconcile.Recorder
}

// Setup registers the kind.
//
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=providers,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(mgr ctrl.Manager, opts controller.Options) error {
	if r.Client == nil || r.Recorder == nil {
		return errors.New("set up Provider: reconciler needs Client and Recorder")
	}
	return ctrl.NewControllerManagedBy(mgr).For(&notificationv1beta3.Provider{}).WithOptions(opts).Complete(r)
}

// Reconcile adds the finalizer, or removes it from a Provider that is being deleted. Flux: contract notification-controller, section 5.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	provider := &notificationv1beta3.Provider{}
	if err := r.Client.Get(ctx, req.NamespacedName, provider); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := provider.DeepCopy()
	if !provider.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(provider, notificationv1beta3.Finalizer) {
			return ctrl.Result{}, client.IgnoreNotFound(r.patch(ctx, provider, before))
		}
		return ctrl.Result{}, nil
	}
	r.warn(provider)
	if controllerutil.AddFinalizer(provider, notificationv1beta3.Finalizer) {
		return ctrl.Result{}, r.patch(ctx, provider, before)
	}
	return ctrl.Result{}, nil
}

// warn says early what would else be found when the first event is sent.
func (r *Reconciler) warn(provider *notificationv1beta3.Provider) {
	if notify.Supported(provider.Spec.Type) || controllerutil.ContainsFinalizer(provider, notificationv1beta3.Finalizer) {
		return // known, or said when the Provider came
	}
	unsupported := &notify.UnsupportedError{Type: provider.Spec.Type}
	r.Recorder.Event(provider, events.Event{Severity: events.Error, Reason: unsupportedReason, Message: unsupported.Error(), To: events.Cluster})
}

func (r *Reconciler) patch(ctx context.Context, provider, before *notificationv1beta3.Provider) error {
	lock := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, provider, lock, client.FieldOwner(fieldOwner)); err != nil {
		return fmt.Errorf("write finalizer: %w", err)
	}
	return nil
}
