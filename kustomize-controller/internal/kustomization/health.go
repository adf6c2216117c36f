// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"k8s.io/apimachinery/pkg/runtime/schema"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/outcome"
)

// health looks once at what is to be checked. While something is on its way it ends the run: a watch starts the next when that changes, and
// the deadline does when nothing changes. No worker is held.
func (r *Reconciler) health(ctx context.Context, s *scope) error {
	if !s.checksHealth() {
		return nil
	}
	set := r.healthSet(s)
	if s.unchecked = len(set.Entries) == 0; s.unchecked {
		s.last.closeWait()
		return nil
	}
	s.step = stepHealth
	h, err := r.Engine.Health(ctx, s.clients, s.owner(), set)
	now := r.Clock()
	if err != nil {
		return s.unhealthy(now, err)
	}
	if h.AllCurrent() {
		if !s.last.waiting.IsZero() {
			s.healthTook, s.began = now.Sub(s.last.waiting), s.last.began
		} else if !s.quiet {
			s.healthTook = time.Millisecond // looked at once, and well
		}
		s.last.closeWait()
		return nil
	}
	s.openWait(now)
	left := s.last.waiting.Add(s.obj.GetTimeout()).Sub(now)
	if left > 0 && !h.Terminal(r.FailFast) {
		if h.Recheck > 0 {
			left = min(left, h.Recheck)
		}
		return outcome.Wait(left, meta.ProgressingReason, "%w", h.Err(true))
	}
	return s.unhealthy(now, h.Err(left <= 0))
}

// unhealthy ends the wait with a fault.
func (s *scope) unhealthy(now time.Time, fault error) error {
	var waited time.Duration
	if !s.last.waiting.IsZero() {
		waited = now.Sub(s.last.waiting).Round(time.Second)
	}
	s.healthFault, s.began = fault.Error(), s.last.began
	s.last.closeWait()
	return outcome.Fail(kustomizev1.HealthCheckFailedReason, fmt.Errorf(healthFailedText, waited, fault))
}

// openWait notes since when this process waits. In the first run after a start the wait goes on from the time that the status shows, so that
// the deadline holds however often the process is started anew.
func (s *scope) openWait(now time.Time) {
	if !s.last.waiting.IsZero() {
		return
	}
	s.last.waiting, s.last.began = now, s.run.Started
	c := conditions.Get(s.obj, kustomizev1.HealthyCondition)
	if s.first && c != nil && c.Reason == meta.ProgressingReason && c.Message == s.stepMessage() && c.ObservedGeneration == s.obj.Generation {
		s.last.waiting = c.LastTransitionTime.Time
	}
}

func (r *Reconciler) healthSet(s *scope) apply.HealthSet {
	set := apply.HealthSet{Exprs: s.exprs, FailFast: r.FailFast, TTLJobs: s.last.ttlJobs}
	if s.obj.Spec.Wait {
		set.Entries = s.last.members
		return set
	}
	self := selfEntry(s.obj)
	for _, ref := range s.obj.Spec.HealthChecks {
		gv, err := schema.ParseGroupVersion(cmp.Or(ref.APIVersion, "apps/v1"))
		if err != nil {
			gv = schema.GroupVersion{Version: ref.APIVersion}
		}
		if entry := apply.NewEntry(gv.WithKind(ref.Kind), ref.Namespace, ref.Name); entry.ID != self.ID {
			set.Entries = append(set.Entries, entry)
		}
	}
	return set
}

// selfEntry is the object itself, which never waits for its own health.
func selfEntry(obj *kustomizev1.Kustomization) apply.Entry {
	return apply.NewEntry(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind), obj.Namespace, obj.Name)
}

// settle notes that everything is applied and pruned with these inputs.
func (s *scope) settle(now time.Time) {
	s.last.inputs, s.last.account = s.inputs, s.account
	if s.verify {
		s.last.verified = now
	}
	s.last.ttlJobs = s.set.TTLJobs()
	s.last.members = nil
	self := selfEntry(s.obj)
	for _, e := range s.plan.HealthEntries() {
		if e.ID != self.ID {
			s.last.members = append(s.last.members, e)
		}
	}
}
