// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

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
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// fieldOwner is the field manager of what is written to HelmRepositories. Flux: source-controller contract, "Field manager".
const fieldOwner = "source-controller"

// Reconciler reconciles HelmRepositories. All fields are required, but Lookups.
type Reconciler struct {
	// Client reads HelmRepositories from the cache and writes them.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Store keeps the artifacts.
	Store *store.Store
	// HTTP sends the requests.
	HTTP *helmhttp.Client
	// MaxIndexBytes bounds an index. Flux: --helm-index-max-size.
	MaxIndexBytes int64
	// Algorithm names the hash of new revisions. Flux: --artifact-digest-algo.
	Algorithm artifact.Algorithm
	// Lookups has series of HelmRepositories, which end with them. May be nil.
	Lookups  *helmindex.Lookups
	Recorder reconcile.Recorder
	Metrics  reconcile.Metrics
	Jitter   func(time.Duration) time.Duration
	Clock    func() time.Time
}

// Setup registers the kind. Only a new generation and a new value of the requestedAt annotation start a run; everything else is found by
// interval.
//
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmrepositories,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmrepositories/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmrepositories/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up HelmRepository: %w", err)
	}
	triggers := predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		For(&sourcev1.HelmRepository{}, builder.WithPredicates(triggers)).
		WithOptions(opts).
		Complete(&byType{static: r.static, driver: driver, client: r.Client})
}

func (r *Reconciler) validate() error {
	if r.Secrets == nil || r.Store == nil || r.HTTP == nil || r.MaxIndexBytes <= 0 {
		return errors.New("reconciler needs Secrets, Store, HTTP and MaxIndexBytes")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*sourcev1.HelmRepository, *scope] {
	return &reconcile.Driver[*sourcev1.HelmRepository, *scope]{
		Client: r.Client, Live: r.Live, FieldOwner: fieldOwner, Recorder: r.Recorder, Metrics: r.Metrics, Jitter: r.Jitter, Clock: r.Clock,
		Kind: reconcile.Kind[*sourcev1.HelmRepository, *scope]{
			Name:      sourcev1.HelmRepositoryKind,
			Finalizer: sourcev1.Finalizer,
			New:       func() *sourcev1.HelmRepository { return &sourcev1.HelmRepository{} },
			Common: func(o *sourcev1.HelmRepository) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *sourcev1.HelmRepository) bool { return o.Spec.Suspend },
			Start:     start,
			Phases:    r.phases(),
			Deletion:  r.deletion(),
			Status:    setStatus,
			Observed:  func(o *sourcev1.HelmRepository, r reconcile.Result) bool { return publish.Observed(o, r) },
			Events:    events,
			Interval:  (*sourcev1.HelmRepository).GetRequeueAfter,
			Owned:     owned(),
			End:       (*scope).release,
			Forget:    r.Lookups.Forget,
		},
	}
}

// Object is where the files of a HelmRepository are.
func Object(namespace, name string) store.Object {
	return store.Object{Kind: strings.ToLower(sourcev1.HelmRepositoryKind), Namespace: namespace, Name: name}
}

func object(o *sourcev1.HelmRepository) store.Object { return Object(o.Namespace, o.Name) }
