// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/runtime/acl"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// fieldOwner is the field manager of what is written to Kustomizations themselves.
// Flux: kustomize-controller contract, "Managers".
const fieldOwner = "gotk-kustomize-controller"

// Options are the rules that flags and feature gates set for all objects.
type Options struct {
	// RequeueDependency is the time until a run that waits for another object is tried again unless a watch wakes it first.
	RequeueDependency time.Duration
	// Access blocks references to sources in other namespaces where it says so.
	Access acl.Options
	// DefaultServiceAccount acts for objects that name none; empty means the controller's own identity.
	DefaultServiceAccount string
	// AllowRemoteBases lets kustomization files load from Git and HTTP.
	AllowRemoteBases bool
	// ExternalArtifacts allows sources of that kind.
	ExternalArtifacts bool
	// AdditiveDependencyCheck asks for the built-in rule even where a readyExpr is given.
	AdditiveDependencyCheck bool
	// StrictSubstitutions makes a variable without value and default an error.
	StrictSubstitutions bool
	// FailFast ends a wait for health as soon as one object has failed.
	FailFast bool
	// GroupChangeLog writes the change log by action instead of by object.
	GroupChangeLog bool
	// WatchConfigs wakes objects when a ConfigMap or Secret that they name, and that carries the watch label, changes.
	WatchConfigs bool
}

// Reconciler reconciles Kustomizations. All fields are required.
type Reconciler struct {
	Options
	reconcile.Dependencies
	// Sources reads sources, from the cache or past it.
	Sources   client.Reader
	Secrets   *auth.Reader
	Engine    *apply.Engine
	Marks     *Marks
	Builder   *kustomize.Builder
	Artifacts *fetch.Cache
	Clusters  *cluster.Pool
	// Waker is what Engine was told to call.
	Waker *reconcile.Waker

	records reconcile.Records[record]
}

// Setup registers the kind with its watches.
//
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations/status;kustomizations/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories;ocirepositories;buckets;externalartifacts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=configmaps;secrets;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up Kustomization: %w", err)
	}
	refs := r.references()
	if err := refs.index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("set up Kustomization: %w", err)
	}
	b, err := r.watch(mgr, opts, refs)
	if err != nil {
		return fmt.Errorf("set up Kustomization: %w", err)
	}
	return b.Complete(driver)
}

func (r *Reconciler) validate() error {
	if r.Client == nil || r.Live == nil || r.Sources == nil || r.Secrets == nil || r.Engine == nil || r.Marks == nil || r.Builder == nil || r.Artifacts == nil || r.Clusters == nil ||
		r.Waker == nil || r.RequeueDependency <= 0 {
		return errors.New("reconciler needs Client, Live, Sources, Secrets, Engine, Marks, Builder, Artifacts, Clusters, Waker and RequeueDependency")
	}
	return nil
}

func (r *Reconciler) driver() *reconcile.Driver[*kustomizev1.Kustomization, *scope] {
	return &reconcile.Driver[*kustomizev1.Kustomization, *scope]{
		Dependencies: r.Dependencies, FieldOwner: fieldOwner,
		Kind: reconcile.Kind[*kustomizev1.Kustomization, *scope]{
			Name:      kustomizev1.KustomizationKind,
			Finalizer: kustomizev1.Finalizer,
			New:       func() *kustomizev1.Kustomization { return &kustomizev1.Kustomization{} },
			Common: func(o *kustomizev1.Kustomization) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *kustomizev1.Kustomization) bool { return o.Spec.Suspend },
			Start:     r.start,
			Phases:    r.phases(),
			Deletion:  r.deletion(),
			Status:    setStatus,
			Observed:  observed,
			Events:    r.tell,
			Interval:  (*kustomizev1.Kustomization).GetRequeueAfter,
			Retry:     (*kustomizev1.Kustomization).GetRetryInterval,
			Owned:     ownedConditions(),
			End:       (*scope).release,
			Forget:    r.forget,
		},
	}
}

func (r *Reconciler) forget(namespace, name string) {
	r.records.Drop(types.NamespacedName{Namespace: namespace, Name: name})
	r.Engine.Forget(apply.Owner{Namespace: namespace, Name: name})
}
