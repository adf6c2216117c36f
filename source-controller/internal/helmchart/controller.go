// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// fieldOwner is the field manager of what is written to HelmCharts. Flux: source-controller contract, "Field manager".
const fieldOwner = "source-controller"

// Reconciler reconciles HelmCharts. All fields are required, but Lookups may be nil.
type Reconciler struct {
	// Client reads HelmCharts and sources from the cache and writes the former.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Store keeps the artifacts.
	Store *store.Store
	// Trees unpacks the artifacts of source trees.
	Trees *fetch.Cache
	// HTTP and Registries reach Helm repositories.
	HTTP       *helmhttp.Client
	Registries *oci.Client
	// Limits bound charts. Flux: --helm-chart-max-size, --helm-chart-file-max-size.
	Limits helmchart.Limits
	// MaxIndexBytes bounds the index of a repository that only a dependency names. Flux: --helm-index-max-size.
	MaxIndexBytes int64
	// Retry is the time until the next look for a source that has no artifact, should its watch not bring the chart back.
	Retry time.Duration
	// Lookups counts how versions were found.
	Lookups  *helmindex.Lookups
	Recorder reconcile.Recorder
	Metrics  reconcile.Metrics
	Jitter   func(time.Duration) time.Duration
	Clock    func() time.Time
}

// Setup registers the kind. A new generation, a new value of the requestedAt annotation and a new artifact of the source start a run.
//
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmcharts,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmcharts/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmcharts/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmrepositories;gitrepositories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up HelmChart: %w", err)
	}
	if err := r.index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("set up HelmChart: %w", err)
	}
	return r.watch(mgr, opts).Complete(driver)
}

func (r *Reconciler) validate() error {
	switch {
	case r.Secrets == nil || r.Store == nil || r.Trees == nil || r.HTTP == nil || r.Registries == nil:
		return errors.New("reconciler needs Secrets, Store, Trees, HTTP and Registries")
	case r.Limits.ArchiveBytes <= 0 || r.MaxIndexBytes <= 0 || r.Retry <= 0:
		return errors.New("reconciler needs Limits, MaxIndexBytes and Retry")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*sourcev1.HelmChart, *scope] {
	return &reconcile.Driver[*sourcev1.HelmChart, *scope]{
		Client: r.Client, Live: r.Live, FieldOwner: fieldOwner, Recorder: r.Recorder, Metrics: r.Metrics, Jitter: r.Jitter, Clock: r.Clock,
		Kind: reconcile.Kind[*sourcev1.HelmChart, *scope]{
			Name:      sourcev1.HelmChartKind,
			Finalizer: sourcev1.Finalizer,
			New:       func() *sourcev1.HelmChart { return &sourcev1.HelmChart{} },
			Common: func(o *sourcev1.HelmChart) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *sourcev1.HelmChart) bool { return o.Spec.Suspend },
			Start:     start,
			Phases:    r.phases(),
			Deletion:  r.deletion(),
			Status:    setStatus,
			Observed:  func(o *sourcev1.HelmChart, r reconcile.Result) bool { return publish.Observed(o, r) },
			Events:    events,
			Interval:  (*sourcev1.HelmChart).GetRequeueAfter,
			Owned:     owned(),
			End:       (*scope).release,
			Forget:    r.Lookups.Forget,
		},
	}
}

// object is where the files of a HelmChart are.
func object(o *sourcev1.HelmChart) store.Object {
	return store.Object{Kind: strings.ToLower(sourcev1.HelmChartKind), Namespace: o.Namespace, Name: o.Name}
}
