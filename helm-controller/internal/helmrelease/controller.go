// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

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
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/helm-controller/internal/values"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// fieldOwner is the field manager of everything that is written here.
// Flux: helm-controller contract, section 5.3.
const fieldOwner = "helm-controller"

// waitingRuns is how many runs may be waiting, for a slot or inside an action that gave its slot back, beyond those at work. A waiting run
// costs some kilobytes.
const waitingRuns = 500

// Options are the rules that flags and feature gates set for all objects.
type Options struct {
	// RequeueDependency is the time until a run that waits for another object is tried again unless a watch wakes it first.
	RequeueDependency time.Duration
	// MinRetry and MaxRetry bound the delay between attempts that follow from a failure.
	MinRetry, MaxRetry time.Duration
	// Access blocks references to other namespaces where it says so.
	Access acl.Options
	// DefaultServiceAccount acts for objects that name none; empty means the controller's own identity.
	DefaultServiceAccount string
	// Algorithm makes the digests in the status.
	Algorithm artifact.Algorithm
	// Release are the gates that change decisions about a release.
	Release release.Gates
	// ExternalArtifacts is the gate of that name.
	ExternalArtifacts bool
	// AdditiveDependencyCheck asks for the built-in rule even where a readyExpr is given.
	AdditiveDependencyCheck bool
	// CancelHealthChecks ends a wait for health when something newer is to be released.
	CancelHealthChecks bool
	// NoDigestTracking leaves the version of charts from OCI as it is.
	NoDigestTracking bool
	// WatchConfigs wakes objects when a ConfigMap or Secret that they name, and that carries the watch label, changes.
	WatchConfigs bool
}

// Reconciler reconciles HelmReleases. All fields are required.
type Reconciler struct {
	Options
	reconcile.Dependencies
	// Sources reads sources, from the cache or past it.
	Sources   client.Reader
	Values    values.Reader
	Artifacts *fetch.Cache
	Clusters  *cluster.Pool
	Storage   *storage.Ledger
	Runner    *action.Runner
	Slots     *Slots
	// Waker is what Storage, Artifacts and the cluster of Runner were told to call.
	Waker *reconcile.Waker

	records records
}

// Setup registers the kind with its watches.
//
// +kubebuilder:rbac:groups=helm.toolkit.fluxcd.io,resources=helmreleases,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=helm.toolkit.fluxcd.io,resources=helmreleases/status;helmreleases/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=helmcharts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=ocirepositories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=configmaps;secrets;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, opts controller.Options) error {
	driver := r.driver()
	if err := errors.Join(r.validate(), driver.Validate()); err != nil {
		return fmt.Errorf("set up HelmRelease: %w", err)
	}
	refs := r.references()
	if err := refs.index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("set up HelmRelease: %w", err)
	}
	opts.MaxConcurrentReconciles += waitingRuns
	b, err := r.watch(mgr, opts, refs)
	if err != nil {
		return fmt.Errorf("set up HelmRelease: %w", err)
	}
	return b.Complete(ctrlreconcile.Func(func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
		slot, err := r.Slots.Take(ctx)
		if err != nil {
			return ctrl.Result{}, err
		}
		defer slot.Release()
		return driver.Reconcile(withSlot(ctx, slot), req)
	}))
}

func (r *Reconciler) validate() error {
	if r.Client == nil || r.Live == nil || r.Sources == nil || r.Values == nil || r.Artifacts == nil || r.Clusters == nil || r.Storage == nil ||
		r.Runner == nil || r.Slots == nil || r.Waker == nil || r.RequeueDependency <= 0 || r.MinRetry <= 0 || r.MaxRetry < r.MinRetry {
		return errors.New("reconciler needs Client, Live, Sources, Values, Artifacts, Clusters, Storage, Runner, Slots, Waker, RequeueDependency and 0 < MinRetry <= MaxRetry")
	}
	return nil
}

func (r *Reconciler) driver() *reconcile.Driver[*helmv2.HelmRelease, *scope] {
	return &reconcile.Driver[*helmv2.HelmRelease, *scope]{
		Dependencies: r.Dependencies, FieldOwner: fieldOwner,
		Kind: reconcile.Kind[*helmv2.HelmRelease, *scope]{
			Name:      helmv2.HelmReleaseKind,
			Finalizer: helmv2.Finalizer,
			New:       func() *helmv2.HelmRelease { return &helmv2.HelmRelease{} },
			Common: func(o *helmv2.HelmRelease) reconcile.Common {
				return reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration, LastHandledReconcileAt: &o.Status.LastHandledReconcileAt}
			},
			Suspended: func(o *helmv2.HelmRelease) bool { return o.Spec.Suspend },
			Start:     r.start,
			Phases:    r.phases(),
			Deletion:  r.deletion(),
			Status:    setStatus,
			Observed:  observed,
			Events:    r.tell,
			Interval:  (*helmv2.HelmRelease).GetRequeueAfter,
			Owned:     ownedConditions(),
			End:       r.end,
			Forget:    r.forget,
		},
	}
}

func (r *Reconciler) forget(namespace, name string) {
	owner := types.NamespacedName{Namespace: namespace, Name: name}
	r.records.Drop(owner)
	r.Runner.Cluster.Forget(owner)
}

// slotKey is the key under which a run finds its slot in its context.
type slotKey struct{}

func withSlot(ctx context.Context, slot *Slot) context.Context {
	return context.WithValue(ctx, slotKey{}, slot)
}

// slotOf returns the slot of the run, nil when it has none.
func slotOf(ctx context.Context) *Slot {
	slot, _ := ctx.Value(slotKey{}).(*Slot)
	return slot
}
