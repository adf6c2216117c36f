// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// events lists what a run has to tell: another choice, the end of a failure, a failure. A run in which nothing moved has nothing to tell, not even
// to the cluster: the contract's trace events of such runs would be a request per object and interval. What an object waits for is told once.
func events(before *imagev1.ImagePolicy, s *scope, r reconcile.Result) []kitevents.Event {
	reason, message := conditions.GetReason(s.obj, meta.ReadyCondition), conditions.GetMessage(s.obj, meta.ReadyCondition)
	news := conditions.GetMessage(before, meta.ReadyCondition) != message
	switch {
	case r.Deleting:
		return nil
	case r.IsError(), r.Class == outcome.Waiting && news:
		return []kitevents.Event{{Severity: kitevents.Error, Reason: reason, Message: message}}
	case r.Succeeded() && (news || !conditions.IsTrue(before, meta.ReadyCondition)):
		return []kitevents.Event{{Reason: reason, Message: message}}
	}
	return nil
}
