// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Reconciler reconciles GitRepositories.
type Reconciler struct {
	publish.Base
	// SSH are preferences for connections to SSH servers. They may be zero.
	SSH git.SSHAlgorithms
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
	driver, err := r.driver()
	if err != nil {
		return fmt.Errorf("set up GitRepository: %w", err)
	}
	return publish.Builder(mgr, opts, &sourcev1.GitRepository{}).Complete(driver)
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() (*reconcile.Driver[*sourcev1.GitRepository, *scope], error) {
	return publish.Driver(r.Base, fields, reconcile.Kind[*sourcev1.GitRepository, *scope]{
		Name:      sourcev1.GitRepositoryKind,
		New:       func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
		Suspended: func(o *sourcev1.GitRepository) bool { return o.Spec.Suspend },
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
func fields(o *sourcev1.GitRepository) publish.Status {
	return publish.Status{
		Common:   reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt},
		Artifact: &o.Status.Artifact,
	}
}
