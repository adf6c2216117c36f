// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/render"
)

// terminationRecheck is how often a wait for termination looks again without having been woken, for objects that no watch covers.
const terminationRecheck = 5 * time.Second

// keepsObjects reports whether the objects stay when their Kustomization goes.
func keepsObjects(obj *kustomizev1.Kustomization) bool {
	switch {
	case obj.Spec.Suspend, len(render.Inventory(obj)) == 0:
		return true
	case obj.GetDeletionPolicy() == kustomizev1.DeletionPolicyOrphan:
		return true
	case obj.GetDeletionPolicy() == kustomizev1.DeletionPolicyMirrorPrune:
		return !obj.Spec.Prune
	}
	return false
}

// pruneAll deletes what the inventory holds, as the deletion policy says. Neither source nor dependencies are looked at.
func (r *Reconciler) pruneAll(ctx context.Context, s *scope) error {
	if keepsObjects(s.obj) || s.last.deleted != nil {
		return nil
	}
	// Flux: kustomize-controller contract, "Deletion and finalizer".
	gone, err := cluster.AccountGone(ctx, r.Live, r.account(s.obj))
	if err != nil {
		return err
	}
	if gone {
		s.run.Emit(s.event(events.Error, kustomizev1.PruneFailedReason, "unable to prune objects: \n"+strings.Join(subjects(render.Inventory(s.obj)), "\n")))
		return nil
	}
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	changes, err := r.Engine.PruneAll(ctx, s.clients, s.owner(), render.Inventory(s.obj))
	s.pruned = changes
	if err != nil {
		return fmt.Errorf("pruning for deleted resource failed: %w", err)
	}
	s.last.closeWait() // what was waited for does not matter any more
	s.last.deleted = []apply.Entry{}
	for _, item := range changes.Items {
		if item.Action == apply.Deleted {
			s.last.deleted = append(s.last.deleted, item.Entry)
		}
	}
	return nil
}

// awaitTermination lets the object go when everything that was deleted is gone, or when the timeout has passed.
func (r *Reconciler) awaitTermination(ctx context.Context, s *scope) error {
	if s.obj.GetDeletionPolicy() != kustomizev1.DeletionPolicyWaitForTermination || len(s.last.deleted) == 0 {
		return nil
	}
	now := r.Clock()
	if s.last.waiting.IsZero() {
		s.last.waiting = now
	}
	rest := s.last.waiting.Add(s.obj.GetTimeout()).Sub(now)
	left, err := r.remaining(ctx, s)
	switch {
	case err == nil && len(left) == 0:
		return nil
	case rest <= 0:
		s.run.Emit(s.event(events.Error, kustomizev1.PruneFailedReason, "failed to wait for resources termination: "+strings.Join(subjects(left), ", ")))
		return nil
	case err != nil:
		return err
	}
	return outcome.Wait(min(rest, terminationRecheck), meta.ProgressingReason, "waiting for the termination of %s", strings.Join(subjects(left), ", "))
}

// remaining lists what was deleted and is still there; all of it when that cannot be told.
func (r *Reconciler) remaining(ctx context.Context, s *scope) ([]apply.Entry, error) {
	if err := r.connect(ctx, s); err != nil {
		return s.last.deleted, err
	}
	left, err := r.Engine.Terminated(ctx, s.clients, s.owner(), s.last.deleted)
	if err != nil {
		return s.last.deleted, fmt.Errorf("look for what is being deleted: %w", err)
	}
	return left, nil
}

func subjects(entries []apply.Entry) []string {
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Subject())
	}
	return names
}
