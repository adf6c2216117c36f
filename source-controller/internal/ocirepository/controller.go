// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"errors"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Reconciler reconciles OCIRepositories.
type Reconciler struct {
	publish.Base
	// Registries talks to registries; kinds that do so share it. Required.
	Registries *oci.Client
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
	driver, err := r.driver()
	if r.Registries == nil {
		err = errors.Join(err, errors.New("reconciler needs Registries"))
	}
	if err != nil {
		return fmt.Errorf("set up OCIRepository: %w", err)
	}
	return publish.Builder(mgr, opts, &sourcev1.OCIRepository{}).Complete(driver)
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() (*reconcile.Driver[*sourcev1.OCIRepository, *scope], error) {
	return publish.Driver(r.Base, fields, reconcile.Kind[*sourcev1.OCIRepository, *scope]{
		Name:      sourcev1.OCIRepositoryKind,
		New:       func() *sourcev1.OCIRepository { return &sourcev1.OCIRepository{} },
		Suspended: func(o *sourcev1.OCIRepository) bool { return o.Spec.Suspend },
		Start:     r.start,
		Phases:    r.phases(),
		Deletion:  publish.Deletion((*scope).stored),
		Status:    setStatus,
		Events:    events,
		Owned:     owned(),
		End:       (*scope).release,
	})
}

// fields points at the status fields that sources have in common.
func fields(o *sourcev1.OCIRepository) publish.Status {
	return publish.Status{
		Common:   reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt},
		Artifact: &o.Status.Artifact,
		URL:      &o.Status.URL,
	}
}
