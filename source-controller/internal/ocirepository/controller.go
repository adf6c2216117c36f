// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// fieldOwner is the field manager of what is written to OCIRepositories. Flux: source-controller contract, "Field manager".
const fieldOwner = "source-controller"

// Reconciler reconciles OCIRepositories. All fields are required.
type Reconciler struct {
	// Client reads OCIRepositories from the cache and writes them.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Registries talks to registries; kinds that do so share it.
	Registries *oci.Client
	// Store keeps the artifacts.
	Store    *store.Store
	Recorder reconcile.Recorder
	Metrics  reconcile.Metrics
	Jitter   func(time.Duration) time.Duration
	Clock    func() time.Time
}

// Setup registers the kind. Only a new generation and a new value of the requestedAt annotation start a run; everything else is found by
// interval.
//
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=ocirepositories,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=ocirepositories/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=ocirepositories/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups="",resources=secrets;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up OCIRepository: %w", err)
	}
	triggers := predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		For(&sourcev1.OCIRepository{}, builder.WithPredicates(triggers)).
		WithOptions(opts).
		Complete(driver)
}

func (r *Reconciler) validate() error {
	if r.Secrets == nil || r.Store == nil || r.Registries == nil {
		return errors.New("reconciler needs Secrets, Registries and Store")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*sourcev1.OCIRepository, *scope] {
	return &reconcile.Driver[*sourcev1.OCIRepository, *scope]{
		Client: r.Client, Live: r.Live, FieldOwner: fieldOwner, Recorder: r.Recorder, Metrics: r.Metrics, Jitter: r.Jitter, Clock: r.Clock,
		Kind: reconcile.Kind[*sourcev1.OCIRepository, *scope]{
			Name:      sourcev1.OCIRepositoryKind,
			Finalizer: sourcev1.Finalizer,
			New:       func() *sourcev1.OCIRepository { return &sourcev1.OCIRepository{} },
			Common: func(o *sourcev1.OCIRepository) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *sourcev1.OCIRepository) bool { return o.Spec.Suspend },
			Start:     start,
			Phases:    r.phases(),
			Deletion:  r.deletion(),
			Status:    setStatus,
			Observed:  func(o *sourcev1.OCIRepository, r reconcile.Result) bool { return publish.Observed(o, r) },
			Events:    events,
			Interval:  func(o *sourcev1.OCIRepository) time.Duration { return o.Spec.Interval.Duration },
			Owned:     owned(),
			End:       (*scope).release,
		},
	}
}

// object is where the files of an OCIRepository are.
func object(o *sourcev1.OCIRepository) store.Object {
	return store.Object{Kind: strings.ToLower(sourcev1.OCIRepositoryKind), Namespace: o.Namespace, Name: o.Name}
}
