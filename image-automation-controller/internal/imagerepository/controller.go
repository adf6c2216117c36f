// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/runtime/predicates"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// fieldOwner is the field manager of what is written to ImageRepositories. Flux: image-automation-controller contract, "Entry sequence".
const fieldOwner = "image-automation-controller"

// Reconciler reconciles ImageRepositories. All fields are required, but ObjectLevelIdentity may be false.
type Reconciler struct {
	reconcile.Dependencies
	// ObjectLevelIdentity permits a service account together with a cloud provider.
	ObjectLevelIdentity bool
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Registries talks to registries; kinds that do so share it.
	Registries *oci.Client
	// Tags keeps what scans found.
	Tags *tags.Store

	pauses pauses
}

// Setup registers the kind. Only a new generation and a new value of the requestedAt annotation start a run; everything else is found by
// interval.
//
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagerepositories,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagerepositories/status,verbs=get;update;patch
// +kubebuilder:rbac:groups="",resources=secrets;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up ImageRepository: %w", err)
	}
	triggers := predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		For(&imagev1.ImageRepository{}, builder.WithPredicates(triggers)).
		WithOptions(opts).
		Complete(driver)
}

func (r *Reconciler) validate() error {
	if r.Secrets == nil || r.Registries == nil || r.Tags == nil {
		return errors.New("reconciler needs Secrets, Registries and Tags")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*imagev1.ImageRepository, *scope] {
	return &reconcile.Driver[*imagev1.ImageRepository, *scope]{
		Dependencies: r.Dependencies, FieldOwner: fieldOwner,
		Kind: reconcile.Kind[*imagev1.ImageRepository, *scope]{
			Name:      imagev1.ImageRepositoryKind,
			Finalizer: imagev1.Finalizer,
			New:       func() *imagev1.ImageRepository { return &imagev1.ImageRepository{} },
			Common: func(o *imagev1.ImageRepository) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *imagev1.ImageRepository) bool { return o.Spec.Suspend },
			Start:     func(o *imagev1.ImageRepository, run reconcile.Run) *scope { return &scope{obj: o, run: run} },
			Phases:    r.phases(),
			Deletion:  []reconcile.Phase[*scope]{{Name: "remove", Run: r.remove}},
			Status:    setStatus,
			Observed:  verdict.Observed[*imagev1.ImageRepository],
			Events:    events,
			Interval:  r.pauses.until,
			Owned:     verdict.Owned(),
			End:       (*scope).release,
			Forget:    func(namespace, name string) { r.pauses.drop(types.NamespacedName{Namespace: namespace, Name: name}) },
		},
	}
}
