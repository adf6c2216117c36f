// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"errors"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Reconciler reconciles HelmRepositories. All fields are required, but Lookups.
type Reconciler struct {
	publish.Base
	// HTTP sends the requests.
	HTTP *helmhttp.Client
	// MaxIndexBytes bounds an index. Flux: --helm-index-max-size.
	MaxIndexBytes int64
	// Algorithm names the hash of new revisions. Flux: --artifact-digest-algo.
	Algorithm artifact.Algorithm
	// Lookups has series of HelmRepositories, which end with them. May be nil.
	Lookups *helmindex.Lookups
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
	driver, err := r.driver()
	if r.HTTP == nil || r.MaxIndexBytes <= 0 {
		err = errors.Join(err, errors.New("reconciler needs HTTP and MaxIndexBytes"))
	}
	if err != nil {
		return fmt.Errorf("set up HelmRepository: %w", err)
	}
	return publish.Builder(mgr, opts, &sourcev1.HelmRepository{}).Complete(&byType{static: r.static, driver: driver, client: r.Client})
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() (*reconcile.Driver[*sourcev1.HelmRepository, *scope], error) {
	return publish.Driver(r.Base, fields, reconcile.Kind[*sourcev1.HelmRepository, *scope]{
		Name:      sourcev1.HelmRepositoryKind,
		New:       func() *sourcev1.HelmRepository { return &sourcev1.HelmRepository{} },
		Suspended: func(o *sourcev1.HelmRepository) bool { return o.Spec.Suspend },
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
func fields(o *sourcev1.HelmRepository) publish.Status {
	return publish.Status{
		Common:   reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt},
		Artifact: &o.Status.Artifact,
		URL:      &o.Status.URL,
	}
}

// Object is where the files of a HelmRepository are.
func Object(o *sourcev1.HelmRepository) store.Object {
	return publish.Object(sourcev1.HelmRepositoryKind, o.Namespace, o.Name)
}
