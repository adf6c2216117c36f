// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
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
	gone, err := r.accountGone(ctx, s.obj)
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

// accountGone reports whether the account that would have to delete the objects does not exist any more: they cannot be deleted then, and
// the object must not hang for ever because of that. Flux: kustomize-controller contract, "Deletion and finalizer".
func (r *Reconciler) accountGone(ctx context.Context, obj *kustomizev1.Kustomization) (bool, error) {
	name := cmp.Or(obj.Spec.ServiceAccountName, r.DefaultServiceAccount)
	if name == "" {
		return false, nil
	}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: name}, &corev1.ServiceAccount{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, errors.Join(errors.New("look for the service account"), err)
	}
	return false, nil
}

func subjects(entries []apply.Entry) []string {
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Subject())
	}
	return names
}
