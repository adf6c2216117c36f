// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// tell lists the events about prerequisites of a run; actions tell about themselves when they end.
// Flux: helm-controller contract, sections 6.1 and 17.5.
func (r *Reconciler) tell(before *helmv2.HelmRelease, s *scope, res reconcile.Result) []events.Event {
	if res.Deleting {
		return nil
	}
	e := events.Event{Severity: events.Error, Reason: res.Reason, Message: res.Message()}
	switch {
	case res.Class == outcome.Waiting && res.Reason == helmv2.DependencyNotReadyReason:
		e.Severity, e.Message = events.Info, fmt.Sprintf(dependencyWaitText, res.Message(), res.Next)
	case res.Class == outcome.Waiting && res.Reason == helmv2.HealthCheckCanceledReason:
		e.Severity = events.Info
	case res.Class == outcome.Stalled && res.Phase != phaseRelease:
	case res.Class == outcome.Failed && res.Reason == helmv2.ValuesErrorReason:
	case res.Class == outcome.Failed && res.Reason == helmv2.ArtifactFailedReason && res.Phase != phaseSource && res.Phase != phaseTemplate:
	default:
		return nil
	}
	return []events.Event{repeated(before, s.obj, e)}
}

// repeated keeps an event from the cluster when the Ready condition said the same before.
func repeated(before, after *helmv2.HelmRelease, e events.Event) events.Event {
	was, is := conditionOf(before, meta.ReadyCondition), conditionOf(after, meta.ReadyCondition)
	if was != nil && is != nil && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message {
		e.To = events.Notification
	}
	return e
}

func conditionOf(obj *helmv2.HelmRelease, condition string) *metav1.Condition {
	return conditions.Get(obj, condition)
}
