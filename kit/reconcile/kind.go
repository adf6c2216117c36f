// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/fluxcd/pkg/runtime/conditions"

	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
)

// Object is what the driver can reconcile.
type Object interface {
	conditions.Setter
}

// Phase is one named step of a run.
type Phase[S any] struct {
	// Name is a verb, used in logs and in the result.
	Name string
	// Reports is the condition type that a failure of this phase belongs to; may be empty.
	Reports string
	// Run does the work on the scope. It is idempotent and holds its worker for no wait.
	Run func(ctx context.Context, s S) error
}

// Run is what the driver hands to the scope of one run.
type Run struct {
	// Publish writes the status as it is now, with Result.Running set. A phase calls it before work that has to be visible or recorded
	// before it happens, at most once in a run; a run that does several such works one after the other, as that of a Helm release, calls
	// it before each.
	Publish func(ctx context.Context) error
	// Emit sends an event about the object now rather than at the end of the run.
	Emit func(e events.Event)
	// Requested is the value of the requestedAt annotation when this run is the first to see it, else empty.
	Requested string
	// Started is when the run began.
	Started time.Time
}

// Result is how a run ended, or where it stands when it is published in the middle.
type Result struct {
	outcome.Outcome
	// Phase is the name of the phase that ended the run early; empty when all finished.
	Phase string
	// Reports is the condition type that phase reports.
	Reports string
	// Running is set while the run goes on: the status is published by a phase.
	Running bool
	// Suspended is set when the object is suspended and no phase ran.
	Suspended bool
	// Deleting is set in the run of the deletion phases.
	Deleting bool
	// Duration is how long the run has taken so far.
	Duration time.Duration
	// Next is the time until the next run as the driver will ask for it; 0 when none is planned or when back-off decides.
	Next time.Duration
}

// Succeeded reports whether every phase of a normal run finished.
func (r Result) Succeeded() bool {
	return r.Class == outcome.Done && !r.Running && !r.Suspended && !r.Deleting
}

// Common points at the status fields that every kind has and the driver writes.
type Common struct {
	// ObservedGeneration is set by the driver when Observed says so.
	ObservedGeneration *int64
	// LastHandledReconcileAt follows the requestedAt annotation at the end of every run.
	LastHandledReconcileAt *string
}

// Kind describes one kind to the driver. All functions without a remark are required.
type Kind[O Object, S any] struct {
	// Name is the kind as in events and metrics, such as GitRepository.
	Name string
	// Finalizer is added before the first run and removed after the deletion phases.
	Finalizer string
	// New returns an empty object to read into.
	New func() O
	// Common points at the shared status fields.
	Common func(O) Common
	// Suspended tells whether the object asks to be left alone.
	Suspended func(O) bool
	// Start makes the scope of one run.
	Start func(o O, run Run) S
	// Phases is the normal run; Deletion is the run of an object that is being deleted.
	Phases, Deletion []Phase[S]
	// Status sets conditions and other status fields of the scope's object from facts and result. It is pure.
	Status func(s S, r Result)
	// Observed tells whether a result, whose status is set by then, lets observedGeneration follow the generation.
	Observed func(o O, r Result) bool
	// Events lists what to tell people at the end of a run; before is the object as it was read. It is pure. Optional.
	Events func(before O, s S, r Result) []events.Event
	// Interval is the time between runs of an object that is well, before jitter.
	Interval func(O) time.Duration
	// Retry is the time until the next attempt after a known fault. nil, or 0 as its answer, leaves it to back-off.
	Retry func(O) time.Duration
	// Owned lists the condition types that this kind sets.
	Owned []string
	// End gives back what the scope of a run holds, after everything else. Optional.
	End func(S)
	// Forget is told when an object is gone or suspended, to drop what is remembered of it. Optional.
	Forget func(namespace, name string)
}

func (k *Kind[O, S]) validate() error {
	switch {
	case k.Name == "" || k.Finalizer == "" || len(k.Phases) == 0 || len(k.Owned) == 0:
		return errors.New("kind needs a name, a finalizer, phases and owned conditions")
	case k.New == nil || k.Common == nil || k.Suspended == nil || k.Start == nil || k.Status == nil || k.Observed == nil || k.Interval == nil:
		return errors.New("kind needs New, Common, Suspended, Start, Status, Observed and Interval")
	}
	return nil
}
