// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/rescue"
)

// yieldedPriority is the place in the queue of a run that let others go first: behind every event, before the objects of the first list
// after a start, which controller-runtime queues at -100.
const yieldedPriority = -10

// Recorder takes the events of a run. It must not block.
type Recorder interface {
	Event(obj client.Object, e events.Event)
}

// Metrics takes the duration of a run, and is told when the series of an object can go.
type Metrics interface {
	RecordDuration(kind, namespace, name string, took time.Duration)
	DeleteDuration(kind, namespace, name string)
}

// Dependencies are what every kind needs of its process: the driver, and mostly the phases, too. All fields are required.
type Dependencies struct {
	// Client reads from the cache what is cached, and writes.
	Client client.Client
	// Live reads past the cache; the driver does so after a conflict only.
	Live     client.Reader
	Recorder Recorder
	Metrics  Metrics
	// Jitter spreads an interval.
	Jitter func(time.Duration) time.Duration
	// Clock tells the time, in tests another one.
	Clock func() time.Time
}

// Driver reconciles the objects of one kind. All fields are required.
type Driver[O Object, S any] struct {
	Dependencies
	Kind Kind[O, S]
	// FieldOwner is the field manager of status and finalizer writes.
	FieldOwner string

	own memory[O]
}

// Validate reports what is missing.
func (d *Driver[O, S]) Validate() error {
	if d.Client == nil || d.Live == nil || d.FieldOwner == "" || d.Recorder == nil || d.Metrics == nil || d.Jitter == nil || d.Clock == nil {
		return errors.New("driver needs Client, Live, FieldOwner, Recorder, Metrics, Jitter and Clock")
	}
	return d.Kind.validate()
}

// Reconcile runs the object of that name once.
func (d *Driver[O, S]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	started := d.Clock()
	obj := d.Kind.New()
	if err := d.Client.Get(ctx, req.NamespacedName, obj); err != nil {
		if apierrors.IsNotFound(err) {
			d.forget(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("read %s: %w", d.Kind.Name, err)
	}
	obj = d.own.newest(obj)
	if err := d.ensureFinalizer(ctx, obj); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	run := d.start(obj, started)
	if d.Kind.End != nil {
		defer d.Kind.End(run.scope)
	}
	if !obj.GetDeletionTimestamp().IsZero() {
		return d.delete(ctx, run)
	}
	return d.reconcile(ctx, run)
}

// attempt is what the driver knows of one run.
type attempt[O Object, S any] struct {
	obj     O
	read    O // as the run found it, for the events
	before  O // as the server has it, the base of the next write
	scope   S
	started time.Time
}

func (d *Driver[O, S]) start(obj O, started time.Time) *attempt[O, S] {
	a := &attempt[O, S]{obj: obj, read: deepCopy(obj), before: deepCopy(obj), started: started}
	a.scope = d.Kind.Start(obj, Run{
		Requested: d.requested(obj),
		Started:   started,
		Emit:      func(e events.Event) { d.Recorder.Event(obj, e) },
		Publish: func(ctx context.Context) error {
			d.Kind.Status(a.scope, Result{Running: true, Duration: d.Clock().Sub(started)})
			return d.write(ctx, a)
		},
	})
	return a
}

// requested is the value of the requestedAt annotation unless an earlier run has handled it.
func (d *Driver[O, S]) requested(obj O) string {
	at, ok := meta.ReconcileAnnotationValue(obj.GetAnnotations())
	if !ok || at == *d.Kind.Common(obj).LastHandledReconcileAt {
		return ""
	}
	return at
}

func (d *Driver[O, S]) reconcile(ctx context.Context, a *attempt[O, S]) (ctrl.Result, error) {
	r := Result{Suspended: d.Kind.Suspended(a.obj)}
	if !r.Suspended {
		r = d.walk(ctx, d.Kind.Phases, a.scope)
	} else {
		// Flux: kustomize-controller contract, "Order of steps", step 4.
		logr.FromContextOrDiscard(ctx).Info("Reconciliation is suspended for this object")
		if d.Kind.Forget != nil {
			d.Kind.Forget(a.obj.GetNamespace(), a.obj.GetName())
		}
	}
	if ctx.Err() != nil {
		// The process is going down: whatever the run met is not the object's fault. The next process starts it again.
		return ctrl.Result{}, ctx.Err()
	}
	if r.Class == outcome.Yielded {
		return ctrl.Result{RequeueAfter: time.Millisecond, Priority: new(yieldedPriority)}, nil
	}
	r.Next = d.next(a.obj, r)
	r.Duration = d.Clock().Sub(a.started)
	return d.finish(ctx, a, r)
}

// finish writes the result, tells about it and says when to come back.
func (d *Driver[O, S]) finish(ctx context.Context, a *attempt[O, S], r Result) (ctrl.Result, error) {
	common := d.Kind.Common(a.obj)
	if at, ok := meta.ReconcileAnnotationValue(a.obj.GetAnnotations()); ok {
		*common.LastHandledReconcileAt = at
	}
	d.Kind.Status(a.scope, r)
	if d.Kind.Observed(a.obj, r) {
		*common.ObservedGeneration = a.obj.GetGeneration()
	}
	if err := client.IgnoreNotFound(d.write(ctx, a)); err != nil {
		return ctrl.Result{}, err
	}
	told := d.tell(a, r)
	d.Metrics.RecordDuration(d.Kind.Name, a.obj.GetNamespace(), a.obj.GetName(), d.Clock().Sub(a.started))
	logResult(ctx, r, told)
	if r.IsError() && r.Next == 0 && r.Class != outcome.Stalled {
		return ctrl.Result{}, r.Err
	}
	return ctrl.Result{RequeueAfter: r.Next, Priority: new(0)}, nil
}

// walk runs the phases in order and stops at the first that does not return nil.
func (d *Driver[O, S]) walk(ctx context.Context, phases []Phase[S], scope S) Result {
	for _, p := range phases {
		if err := safely(ctx, p, scope); err != nil {
			return Result{Outcome: outcome.Of(err), Phase: p.Name, Reports: p.Reports}
		}
	}
	return Result{}
}

// safely turns a panic of a phase into an error.
func safely[S any](ctx context.Context, p Phase[S], scope S) error {
	return rescue.Call(logr.FromContextOrDiscard(ctx), p.Name, func() error { return p.Run(ctx, scope) })
}

// next is the time until the next run, 0 for none or for back-off.
func (d *Driver[O, S]) next(obj O, r Result) time.Duration {
	switch {
	case r.Suspended || r.Class == outcome.Stalled || r.Class == outcome.Unforeseen:
		return 0
	case r.Class == outcome.Done:
		return d.Jitter(d.Kind.Interval(obj))
	case r.After > 0 || r.Class == outcome.Waiting || d.Kind.Retry == nil:
		return r.After
	}
	return d.Kind.Retry(obj)
}

func (d *Driver[O, S]) forget(key types.NamespacedName) {
	d.own.drop(key)
	d.Metrics.DeleteDuration(d.Kind.Name, key.Namespace, key.Name)
	if d.Kind.Forget != nil {
		d.Kind.Forget(key.Namespace, key.Name)
	}
}
