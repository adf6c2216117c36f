// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/runtime/acl"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// fieldOwner is the field manager of what is written to ImageUpdateAutomations. Flux: image-automation-controller contract, "Entry sequence".
const fieldOwner = "image-automation-controller"

// Options are the rules that flags and feature gates set for all objects.
type Options struct {
	// Access blocks references to sources in other namespaces where it says so.
	Access acl.Options
	// ForcePushBranch lets a push branch that is made anew in every run replace what was there.
	ForcePushBranch bool
	// ContinuePushBranch works on top of a push branch that exists; otherwise it is made anew from what is checked out.
	ContinuePushBranch bool
	// ObjectLevelIdentity permits a service account together with a cloud provider.
	ObjectLevelIdentity bool
	// SSH are preferences for connections to SSH servers.
	SSH git.SSHAlgorithms
}

// Reconciler reconciles ImageUpdateAutomations. All fields are required, but Options may be zero.
type Reconciler struct {
	Options
	reconcile.Dependencies
	// Secrets reads credentials and signing keys.
	Secrets *auth.Reader
	// Mirrors keeps the copies of repositories.
	Mirrors *Mirrors

	records reconcile.Records[record]
	writers writers
	large   chan struct{} // Setup
}

// Setup registers the kind with its watches.
//
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imageupdateautomations,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imageupdateautomations/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagepolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up ImageUpdateAutomation: %w", err)
	}
	r.large = make(chan struct{}, 1)
	refs := r.references()
	if err := refs.index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("set up ImageUpdateAutomation: %w", err)
	}
	watches, err := r.watch(mgr, opts, refs)
	if err != nil {
		return fmt.Errorf("set up ImageUpdateAutomation: %w", err)
	}
	return watches.Complete(driver)
}

// forget drops what the runs of an object that is suspended or gone have left behind, but for what they still owe: when it goes on, that is not the
// beginning of a process. The phase that removes an object drops the rest.
func (r *Reconciler) forget(namespace, name string) {
	if last := r.records.Find(types.NamespacedName{Namespace: namespace, Name: name}); last != nil {
		last.plain, last.settled = nil, ""
	}
}

func (r *Reconciler) validate() error {
	if r.Secrets == nil || r.Mirrors == nil {
		return errors.New("reconciler needs Secrets and Mirrors")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*imagev1.ImageUpdateAutomation, *scope] {
	return &reconcile.Driver[*imagev1.ImageUpdateAutomation, *scope]{
		Dependencies: r.Dependencies, FieldOwner: fieldOwner,
		Kind: reconcile.Kind[*imagev1.ImageUpdateAutomation, *scope]{
			Name:      imagev1.ImageUpdateAutomationKind,
			Finalizer: imagev1.Finalizer,
			New:       func() *imagev1.ImageUpdateAutomation { return &imagev1.ImageUpdateAutomation{} },
			Common: func(o *imagev1.ImageUpdateAutomation) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *imagev1.ImageUpdateAutomation) bool { return o.Spec.Suspend },
			Start:     r.start,
			Phases:    r.phases(),
			Deletion:  []reconcile.Phase[*scope]{{Name: "remove", Run: r.remove}},
			Status:    setStatus,
			Observed:  verdict.Observed[*imagev1.ImageUpdateAutomation],
			Events:    events,
			Interval:  (*imagev1.ImageUpdateAutomation).GetRequeueAfter,
			Owned:     verdict.Owned(),
			End:       (*scope).release,
			Forget:    r.forget,
		},
	}
}
