// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// tell lists the events of a finished run: first what was done, then how it ended.
func (r *Reconciler) tell(before *kustomizev1.Kustomization, s *scope, res reconcile.Result) []events.Event {
	var list []events.Event
	add := func(severity, reason, message string) { list = append(list, s.event(severity, reason, message)) }
	if s.cancelled {
		add(events.Info, kustomizev1.HealthCheckCanceledReason, "Health checks canceled due to new reconciliation triggered by "+trigger(before, s))
	}
	if lines := s.applied.Lines(apply.Created, apply.Configured); lines != "" {
		add(events.Info, meta.ProgressingReason, lines)
	}
	if lines := s.pruned.Lines(); lines != "" {
		add(events.Info, meta.ProgressingReason, lines)
	}
	for _, c := range s.applied.Contested {
		add(events.Error, kustomizev1.ReconciliationFailedReason, contest(c))
	}
	if res.Deleting {
		if res.IsError() {
			add(events.Error, kustomizev1.PruneFailedReason, res.Message())
		}
		return list
	}
	return append(list, s.verdict(before, res)...)
}

// contest names the other writer of an object. The text has no counter, so that alerts about the same quarrel are one.
func contest(c apply.Contested) string {
	if c.Owner != (apply.Owner{}) {
		return fmt.Sprintf("%s is applied by Kustomization %s/%s as well; each takes it from the other", c.Subject, c.Owner.Namespace, c.Owner.Name)
	}
	return fmt.Sprintf("%s is changed again and again by field manager %q; it is put back with growing delays", c.Subject, c.Manager)
}

// verdict tells how the run ended. What a person has been told already goes to the notification address alone, which knows duplicates.
func (s *scope) verdict(before *kustomizev1.Kustomization, res reconcile.Result) []events.Event {
	var list []events.Event
	reason := conditions.GetReason(s.obj, meta.ReadyCondition)
	switch {
	case res.Succeeded():
		if s.healthTook > 0 && (!conditions.IsTrue(before, kustomizev1.HealthyCondition) || s.last.changed) {
			list = append(list, s.event(events.Info, reason, fmt.Sprintf(healthPassedText, roundUp(s.healthTook))))
		}
		e := s.event(events.Info, reason, fmt.Sprintf("Reconciliation finished in %s, next run in %s", s.took(res), s.obj.Spec.Interval.Duration))
		e.Metadata[kustomizev1.CommitStatusMetadataKey] = "update"
		if !s.last.changed && conditions.IsTrue(before, meta.ReadyCondition) && before.Status.ObservedGeneration == before.Generation {
			e.To = events.Notification
		}
		s.last.changed = false
		list = append(list, e)
	case res.Class == outcome.Waiting && res.Reason == kustomizev1.DependencyNotReadyReason:
		list = append(list, s.repeated(before, s.event(events.Info, reason, fmt.Sprintf(dependencyEventText, res.Next))))
	case res.IsError() && !s.silent(res):
		list = append(list, s.repeated(before, s.event(events.Error, reason, res.Message())))
	}
	return list
}

// silent lists the faults that the source itself reports. Flux: kustomize-controller contract, "Ready=False reasons", column event.
func (s *scope) silent(res reconcile.Result) bool {
	return res.Phase == phaseSource && res.Class != outcome.Stalled
}

// repeated keeps an event from the cluster when the Ready condition said the same before.
func (s *scope) repeated(before *kustomizev1.Kustomization, e events.Event) events.Event {
	was, is := conditions.Get(before, meta.ReadyCondition), conditions.Get(s.obj, meta.ReadyCondition)
	if was != nil && is != nil && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message {
		e.To = events.Notification
	}
	return e
}

// event fills in what all events of an object share.
func (s *scope) event(severity, reason, message string) events.Event {
	metadata := map[string]string{}
	if s.artifact.Revision != "" {
		metadata[kustomizev1.RevisionMetadataKey] = s.artifact.Revision
		if origin := s.originRevision(); origin != "" {
			metadata[kustomizev1.OriginRevisionMetadataKey] = origin
		}
	} else if s.obj.Status.LastAppliedRevision != "" && !s.obj.DeletionTimestamp.IsZero() {
		metadata[kustomizev1.RevisionMetadataKey] = s.obj.Status.LastAppliedRevision
		if origin := s.obj.Status.LastAppliedOriginRevision; origin != "" {
			metadata[kustomizev1.OriginRevisionMetadataKey] = origin
		}
	}
	return events.Event{Severity: severity, Reason: reason, Message: message, Metadata: metadata}
}

// took is how long the object was at work, from the first run that worked for this result.
func (s *scope) took(res reconcile.Result) time.Duration {
	took := res.Duration
	if !s.began.IsZero() {
		took = s.run.Started.Sub(s.began) + res.Duration
	}
	return roundUp(took)
}

func trigger(before *kustomizev1.Kustomization, s *scope) string {
	if before.Status.LastAttemptedRevision != s.artifact.Revision {
		return sourceRef(s.obj).String()
	}
	return fmt.Sprintf("%s/%s/%s", kustomizev1.KustomizationKind, s.obj.Namespace, s.obj.Name)
}
