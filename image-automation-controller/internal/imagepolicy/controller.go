// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/runtime/acl"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// fieldOwner is the field manager of what is written to ImagePolicies. Flux: image-automation-controller contract, "Entry sequence".
const fieldOwner = "image-automation-controller"

// Options are the rules that flags and feature gates set for all objects.
type Options struct {
	// Access blocks references to repositories in other namespaces where it says so.
	Access acl.Options
	// ObjectLevelIdentity permits a service account together with a cloud provider.
	ObjectLevelIdentity bool
	// DependencyRetry is the time until an object without tags is looked at again when no watch woke it.
	DependencyRetry time.Duration
	// Selector says which objects are reconciled. Others are in the cache as well, as automations go by them.
	Selector labels.Selector
}

// Reconciler reconciles ImagePolicies. All fields are required.
type Reconciler struct {
	Options
	reconcile.Dependencies
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Registries talks to registries; kinds that do so share it.
	Registries *oci.Client
	// Tags has what scans found.
	Tags *tags.Store

	namespaces *namespaces // Setup
	slow       reconcile.Records[slow]
}

// Setup registers the kind with its watches.
//
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagepolicies,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagepolicies/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=image.toolkit.fluxcd.io,resources=imagerepositories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up ImagePolicy: %w", err)
	}
	if err := r.index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("set up ImagePolicy: %w", err)
	}
	c, err := r.watch(mgr, opts).Build(&selected{next: driver, reader: r.Client, selector: r.Selector})
	if err != nil {
		return err
	}
	r.namespaces = r.newNamespaces(mgr, c)
	return nil
}

func (r *Reconciler) validate() error {
	if r.Secrets == nil || r.Registries == nil || r.Tags == nil || r.Selector == nil {
		return errors.New("reconciler needs Secrets, Registries, Tags and Selector")
	}
	return nil
}

// driver describes the kind to the shared driver.
func (r *Reconciler) driver() *reconcile.Driver[*imagev1.ImagePolicy, *scope] {
	return &reconcile.Driver[*imagev1.ImagePolicy, *scope]{
		Dependencies: r.Dependencies, FieldOwner: fieldOwner,
		Kind: reconcile.Kind[*imagev1.ImagePolicy, *scope]{
			Name:      imagev1.ImagePolicyKind,
			Finalizer: imagev1.Finalizer,
			New:       func() *imagev1.ImagePolicy { return &imagev1.ImagePolicy{} },
			Common: func(o *imagev1.ImagePolicy) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *imagev1.ImagePolicy) bool { return o.Spec.Suspend },
			Start:     func(o *imagev1.ImagePolicy, run reconcile.Run) *scope { return &scope{obj: o, run: run} },
			Phases:    r.phases(),
			Status:    setStatus,
			Observed:  verdict.Observed[*imagev1.ImagePolicy],
			Events:    events,
			Interval:  (*imagev1.ImagePolicy).GetRequeueAfter,
			Owned:     verdict.Owned(),
			Forget:    func(namespace, name string) { r.slow.Drop(types.NamespacedName{Namespace: namespace, Name: name}) },
		},
	}
}
