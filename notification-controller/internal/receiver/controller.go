// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"

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

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/notification-controller/internal/webhook"
)

// fieldOwner is the field manager of what is written to Receivers.
const fieldOwner = "notification-controller"

// indexSecret is the name of the index of Receivers by the Secret they name.
const indexSecret = ".metadata.secretRef"

// Reconciler reconciles Receivers. All fields are required, but WatchSecrets may be false.
type Reconciler struct {
	reconcile.Dependencies
	// Secrets reads tokens.
	Secrets *auth.Reader
	// WatchSecrets wakes objects when the Secret that they name, and that carries the watch label, changes.
	WatchSecrets bool

	filters *webhook.Filters
}

// Setup registers the kind with its watches and with the indexes that it and webhooks need; the latter on every replica.
//
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=receivers,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=receivers/status;receivers/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io;kustomize.toolkit.fluxcd.io;helm.toolkit.fluxcd.io;image.toolkit.fluxcd.io;source.extensions.fluxcd.io,resources=*,verbs=get;list;patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, opts controller.Options) error {
	if r.Secrets == nil {
		return errors.New("set up Receiver: reconciler needs Secrets")
	}
	filters, err := webhook.NewFilters()
	if err != nil {
		return fmt.Errorf("set up Receiver: %w", err)
	}
	r.filters = filters
	driver := r.driver()
	if err := driver.Validate(); err != nil {
		return fmt.Errorf("set up Receiver: %w", err)
	}
	if err := r.index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("set up Receiver: %w", err)
	}
	b := ctrl.NewControllerManagedBy(mgr).WithOptions(opts).
		For(&notificationv1.Receiver{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&notificationv1.Receiver{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(moved()))
	if r.WatchSecrets {
		b = b.WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.users), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{}))
	}
	return b.Complete(driver)
}

func (r *Reconciler) driver() *reconcile.Driver[*notificationv1.Receiver, *scope] {
	return &reconcile.Driver[*notificationv1.Receiver, *scope]{
		Dependencies: r.Dependencies, FieldOwner: fieldOwner,
		Kind: reconcile.Kind[*notificationv1.Receiver, *scope]{
			Name:      notificationv1.ReceiverKind,
			Finalizer: notificationv1.Finalizer,
			New:       func() *notificationv1.Receiver { return &notificationv1.Receiver{} },
			Common: func(o *notificationv1.Receiver) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *notificationv1.Receiver) bool { return o.Spec.Suspend },
			Start: func(o *notificationv1.Receiver, run reconcile.Run) *scope {
				return &scope{obj: o, requested: run.Requested != ""}
			},
			Phases:   r.phases(),
			Status:   setStatus,
			Observed: observed,
			Events:   events,
			Interval: (*notificationv1.Receiver).GetRequeueAfter,
			Owned:    owned(),
		},
	}
}

// index lets Receivers be found by their path and by their Secret.
func (r *Reconciler) index(ctx context.Context, indexer client.FieldIndexer) error {
	if err := webhook.Index(ctx, indexer); err != nil {
		return err
	}
	err := indexer.IndexField(ctx, &notificationv1.Receiver{}, indexSecret, func(obj client.Object) []string {
		receiver, ok := obj.(*notificationv1.Receiver)
		if !ok || receiver.Spec.SecretRef == nil {
			return nil
		}
		return []string{types.NamespacedName{Namespace: receiver.Namespace, Name: receiver.Spec.SecretRef.Name}.String()}
	})
	if err != nil {
		return fmt.Errorf("index %s: %w", indexSecret, err)
	}
	return nil
}

// users finds the Receivers that name a Secret.
func (r *Reconciler) users(ctx context.Context, secret client.Object) []ctrl.Request {
	var list notificationv1.ReceiverList
	key := client.ObjectKeyFromObject(secret).String()
	if err := r.Client.List(ctx, &list, client.MatchingFields{indexSecret: key}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the receivers that a Secret concerns", "secret", key)
		return nil
	}
	return requests(list.Items, nil)
}

// rivals finds the other Receivers with the path of one that gives it up, or has just got it: one of them may have it now, or lose it.
func (r *Reconciler) rivals(ctx context.Context, obj client.Object) []ctrl.Request {
	one, ok := obj.(*notificationv1.Receiver)
	if !ok || one.Status.WebhookPath == "" {
		return nil
	}
	all, err := webhook.At(ctx, r.Client, one.Status.WebhookPath)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the receivers with one path")
		return nil
	}
	return requests(all, one)
}

// requests asks for runs of all Receivers but one, which may be nil.
func requests(list []notificationv1.Receiver, but *notificationv1.Receiver) []ctrl.Request {
	var all []ctrl.Request
	for i := range list {
		if but == nil || list[i].UID != but.UID {
			all = append(all, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list[i])})
		}
	}
	return all
}

// moved lets through Receivers that end, or whose path changes: the event maps both the old and the new object.
func moved() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isOld := e.ObjectOld.(*notificationv1.Receiver)
			after, isNew := e.ObjectNew.(*notificationv1.Receiver)
			return isOld && isNew && before.Status.WebhookPath != after.Status.WebhookPath
		},
	}
}
