// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/render"
)

// makePlan compares what is wanted with what is known to be there.
func (r *Reconciler) makePlan(ctx context.Context, s *scope) error {
	s.step = stepApply
	plan, err := r.Engine.Plan(ctx, s.clients, s.owner(), s.set, render.Inventory(s.obj), apply.PlanOptions{
		Force:  s.obj.Spec.Force,
		Prune:  s.obj.Spec.Prune,
		Verify: s.verify,
	})
	if err != nil {
		return outcome.Fail(kustomizev1.ReconciliationFailedReason, err)
	}
	s.plan = plan
	return nil
}

// yield lets other objects go first when a new revision changes nothing for this one: all that is left to do is to write its name into the
// status. Of a push that changes one application of a hundred that application is live before the other ninety-nine say so.
func (r *Reconciler) yield(_ context.Context, s *scope) error {
	if s.last.yielded == s.inputs || !s.plan.Empty() || !ready(s.obj) {
		return nil
	}
	s.last.yielded = s.inputs
	return outcome.Yield()
}

// lengthyWork is the number of objects from which on a run shows that it is at work before it is done. Less takes a fraction of a second, and
// would have the status written twice for nothing.
const lengthyWork = 50

// record persists the inventory with the ids that are about to come, before the first of them is written: whatever happens to this process
// afterwards, the next one knows what may be there.
func (r *Reconciler) record(ctx context.Context, s *scope) error {
	s.inventory = s.plan.Intent()
	isNew := s.obj.Status.LastAppliedRevision != s.artifact.Revision || s.obj.Status.ObservedGeneration != s.obj.Generation
	if !s.plan.NeedsIntent() && (!isNew || s.plan.Work() < lengthyWork) {
		return nil
	}
	return s.run.Publish(ctx)
}

// apply writes what differs. While the objects of a stage that others need are not there yet, such as a new CRD, it ends the run.
func (r *Reconciler) apply(ctx context.Context, s *scope) error {
	changes, err := r.Engine.Apply(ctx, s.clients, s.plan)
	s.applied = changes
	if len(changes.Changed()) > 0 {
		ctrl.LoggerFrom(ctx).Info("server-side apply completed", "output", r.changeLog(changes), "revision", s.artifact.Revision)
	}
	s.last.changed = s.last.changed || len(changes.Changed()) > 0
	if pending, ok := errors.AsType[*apply.StagePending](err); ok {
		return outcome.Wait(pending.After, meta.ProgressingReason, "%w", err)
	}
	if err != nil {
		if lines := changes.Lines(apply.Created, apply.Configured); lines != "" {
			err = fmt.Errorf("%w\n%s", err, lines)
		}
		return outcome.Fail(kustomizev1.ReconciliationFailedReason, err)
	}
	return nil
}

// prune deletes what the source no longer has. What could not be deleted stays in the inventory.
func (r *Reconciler) prune(ctx context.Context, s *scope) error {
	changes, err := r.Engine.Prune(ctx, s.clients, s.plan)
	s.pruned = changes
	if len(changes.Items) > 0 {
		ctrl.LoggerFrom(ctx).Info("garbage collection completed: "+changes.Lines(), "revision", s.artifact.Revision)
	}
	s.inventory = s.plan.Inventory()
	if err != nil {
		return outcome.Fail(kustomizev1.PruneFailedReason, err)
	}
	s.settle(r.Clock())
	return nil
}

// changeLog is the value of the output key. Flux: kustomize-controller contract, "Change set, prune".
func (r *Reconciler) changeLog(changes apply.Changes) any {
	if r.GroupChangeLog {
		return changes.Grouped()
	}
	return changes.Map()
}

func toInventory(entries []apply.Entry) []kustomizev1.ResourceRef {
	refs := make([]kustomizev1.ResourceRef, 0, len(entries))
	for _, e := range entries {
		refs = append(refs, kustomizev1.ResourceRef{ID: e.ID, Version: e.Version})
	}
	return refs
}
