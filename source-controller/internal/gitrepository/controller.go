// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

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
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// fieldOwner is the field manager of what is written to GitRepositories. Flux: source-controller contract, "Field manager".
const fieldOwner = "source-controller"

// Reconciler reconciles GitRepositories. All fields are required, but SSH may be zero.
type Reconciler struct {
	// Client reads GitRepositories from the cache and writes them.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Store keeps the artifacts.
	Store *store.Store
	// SSH are preferences for connections to SSH servers.
	SSH      git.SSHAlgorithms
	Recorder reconcile.Recorder
	Metrics  reconcile.Metrics
	Jitter   func(time.Duration) time.Duration
	Clock    func() time.Time
}

// Setup registers the kind. Only a new generation and a new value of the requestedAt annotation start a run; everything else is found by
// interval.
//
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups="",resources=secrets;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up GitRepository: %w", err)
	}
	triggers := predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		For(&sourcev1.GitRepository{}, builder.WithPredicates(triggers)).
		WithOptions(opts).
		Complete(driver)
}

func (r *Reconciler) validate() error {
	if r.Secrets == nil || r.Store == nil {
		return errors.New("reconciler needs Secrets and Store")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*sourcev1.GitRepository, *scope] {
	return &reconcile.Driver[*sourcev1.GitRepository, *scope]{
		Client: r.Client, Live: r.Live, FieldOwner: fieldOwner, Recorder: r.Recorder, Metrics: r.Metrics, Jitter: r.Jitter, Clock: r.Clock,
		Kind: reconcile.Kind[*sourcev1.GitRepository, *scope]{
			Name:      sourcev1.GitRepositoryKind,
			Finalizer: sourcev1.Finalizer,
			New:       func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
			Common: func(o *sourcev1.GitRepository) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *sourcev1.GitRepository) bool { return o.Spec.Suspend },
			Start:     start,
			Phases:    r.phases(),
			Deletion:  r.deletion(),
			Status:    setStatus,
			Observed:  func(o *sourcev1.GitRepository, r reconcile.Result) bool { return publish.Observed(o, r) },
			Events:    events,
			Interval:  func(o *sourcev1.GitRepository) time.Duration { return o.Spec.Interval.Duration },
			Owned:     owned(),
			End:       (*scope).release,
		},
	}
}

// object is where the files of a GitRepository are.
func object(o *sourcev1.GitRepository) store.Object {
	return store.Object{Kind: strings.ToLower(sourcev1.GitRepositoryKind), Namespace: o.Namespace, Name: o.Name}
}
