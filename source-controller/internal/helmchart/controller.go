// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Reconciler reconciles HelmCharts. All fields are required, but Lookups may be nil.
type Reconciler struct {
	publish.Base
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
	Lookups *helmindex.Lookups
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
	driver, err := r.driver()
	if err := errors.Join(err, r.validate()); err != nil {
		return fmt.Errorf("set up HelmChart: %w", err)
	}
	watches, err := r.watch(ctx, mgr, opts)
	if err != nil {
		return fmt.Errorf("set up HelmChart: %w", err)
	}
	return watches.Complete(driver)
}

func (r *Reconciler) validate() error {
	switch {
	case r.Trees == nil || r.HTTP == nil || r.Registries == nil:
		return errors.New("reconciler needs Trees, HTTP and Registries")
	case r.Limits.ArchiveBytes <= 0 || r.MaxIndexBytes <= 0 || r.Retry <= 0:
		return errors.New("reconciler needs Limits, MaxIndexBytes and Retry")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() (*reconcile.Driver[*sourcev1.HelmChart, *scope], error) {
	return publish.Driver(r.Base, fields, reconcile.Kind[*sourcev1.HelmChart, *scope]{
		Name:      sourcev1.HelmChartKind,
		New:       func() *sourcev1.HelmChart { return &sourcev1.HelmChart{} },
		Suspended: func(o *sourcev1.HelmChart) bool { return o.Spec.Suspend },
		Start:     r.start,
		Phases:    r.phases(),
		Deletion:  publish.Deletion((*scope).stored),
		Status:    setStatus,
		Events:    events,
		Owned:     owned(),
		End:       (*scope).release,
		Forget:    r.Lookups.Forget,
	})
}

// fields points at the status fields that sources have in common.
func fields(o *sourcev1.HelmChart) publish.Status {
	return publish.Status{
		Common:   reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt},
		Artifact: &o.Status.Artifact,
		URL:      &o.Status.URL,
	}
}
