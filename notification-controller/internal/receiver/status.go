// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/notification-controller/internal/apifault"
)

// Texts that people and alerts match. Flux: notification-controller contract, "Reconciler".
const (
	textReady = "Receiver initialized for path: %s"
	// textTold is about the same without the path, which is a credential.
	textTold = "Receiver initialized"
)

// owned are the condition types that this kind sets.
func owned() []string {
	return []string{meta.ReadyCondition, meta.ReconcilingCondition, meta.StalledCondition}
}

// observed reports whether a result lets observedGeneration follow the generation.
func observed(_ *notificationv1.Receiver, r reconcile.Result) bool {
	return r.Succeeded() && !r.Suspended && !r.Deleting || r.Class == outcome.Stalled
}

// setStatus turns the facts of a run and how it ended into status.
func setStatus(s *scope, r reconcile.Result) {
	if r.Suspended || r.Deleting || r.Running || unshaken(s, r) {
		return
	}
	if s.path != "" {
		s.obj.Status.WebhookPath = s.path
	}
	// MarkStalled and MarkReconciling delete the other of the two. What stays as it was keeps its time of transition, and writes no status.
	switch r.Class {
	case outcome.Stalled:
		conditions.MarkStalled(s.obj, r.Reason, "%s", r.Message())
		conditions.MarkFalse(s.obj, meta.ReadyCondition, r.Reason, "%s", r.Message())
	case outcome.Failed, outcome.Unforeseen, outcome.Waiting:
		if r.Reason == notificationv1.TokenNotFoundReason {
			s.obj.Status.WebhookPath = ""
		}
		conditions.MarkReconciling(s.obj, meta.ProgressingWithRetryReason, "%s", r.Message())
		conditions.MarkFalse(s.obj, meta.ReadyCondition, failureReason(r), "%s", r.Message())
	case outcome.Done, outcome.Yielded: // a run that yields sets no status
		conditions.Delete(s.obj, meta.ReconcilingCondition)
		conditions.Delete(s.obj, meta.StalledCondition)
		conditions.MarkTrue(s.obj, meta.ReadyCondition, meta.SucceededReason, textReady, s.path)
	}
}

// unshaken reports whether a receiver that is ready stays so: a fault of the API server that passes says nothing about it, and would have its
// requests refused, which most senders do not send again. Who asked for the run is told that it failed.
func unshaken(s *scope, r reconcile.Result) bool {
	obj := s.obj
	return r.Class == outcome.Unforeseen && apifault.Passing(r.Err) && !s.requested &&
		conditions.IsReady(obj) && obj.Status.ObservedGeneration == obj.Generation &&
		!conditions.Has(obj, meta.ReconcilingCondition) && !conditions.Has(obj, meta.StalledCondition)
}

func failureReason(r reconcile.Result) string {
	if r.Reason == "" {
		return meta.FailedReason
	}
	return r.Reason
}

// events lists what a run has to tell, in the cluster alone: this controller posts no events to itself. A run in which nothing moved, and that
// nobody asked for, has nothing to tell.
func events(before *notificationv1.Receiver, s *scope, r reconcile.Result) []kitevents.Event {
	switch {
	case r.Class == outcome.Stalled:
		return []kitevents.Event{{Severity: kitevents.Error, Reason: r.Reason, Message: r.Message(), To: kitevents.Cluster}}
	case r.IsError():
		return []kitevents.Event{{Severity: kitevents.Error, Reason: meta.FailedReason, Message: r.Message(), To: kitevents.Cluster}}
	case !r.Succeeded() || r.Suspended || r.Deleting:
		return nil
	case !s.requested && conditions.IsReady(before) && before.Status.WebhookPath == s.path && before.Status.ObservedGeneration == before.Generation:
		return nil
	}
	return []kitevents.Event{{Reason: meta.SucceededReason, Message: textTold, To: kitevents.Cluster}}
}
