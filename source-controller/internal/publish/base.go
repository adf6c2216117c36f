// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"time"

	"github.com/fluxcd/pkg/runtime/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// FieldOwner is the field manager of what is written to sources. Flux: source-controller contract, "Field manager".
const FieldOwner = "source-controller"

// Base is what the reconcilers of all kinds of sources need. All fields are required.
type Base struct {
	reconcile.Dependencies
	// Secrets reads credentials.
	Secrets *auth.Reader
	// Store keeps the artifacts.
	Store *store.Store
}

// Driver returns the driver of a kind, whose description lacks what all kinds have in common, in their
// status the fields that fields points at. It reports what is missing.
func Driver[O Source, S any](b Base, fields func(O) Status, kind reconcile.Kind[O, S]) (*reconcile.Driver[O, S], error) {
	kind.Finalizer = sourcev1.Finalizer
	kind.Common = func(o O) reconcile.Common { return fields(o).Common }
	kind.Interval = func(o O) time.Duration { return o.GetRequeueAfter() }
	kind.Observed = func(o O, r reconcile.Result) bool { return observed(o, r) }
	driver := &reconcile.Driver[O, S]{
		Kind: kind, Dependencies: b.Dependencies, FieldOwner: FieldOwner,
	}
	err := driver.Validate()
	if b.Secrets == nil || b.Store == nil {
		err = errors.Join(err, errors.New("reconciler needs Secrets and Store"))
	}
	return driver, err
}

// Builder starts the registration of a kind, whose objects are run for a new generation and for a new value of the requestedAt annotation.
func Builder(mgr ctrl.Manager, opts controller.Options, o client.Object) *builder.Builder {
	triggers := predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).For(o, builder.WithPredicates(triggers)).WithOptions(opts)
}
