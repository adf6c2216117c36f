// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// events lists what a run has to tell: another set of tags, the end of a failure, a failure. A run in which nothing moved has nothing to tell,
// not even to the cluster: the contract's trace events of such runs would be a request per object and interval.
func events(before *imagev1.ImageRepository, s *scope, r reconcile.Result) []kitevents.Event {
	reason, message := conditions.GetReason(s.obj, meta.ReadyCondition), conditions.GetMessage(s.obj, meta.ReadyCondition)
	switch {
	case r.Deleting && r.IsError():
		return []kitevents.Event{{Severity: kitevents.Error, Reason: meta.FailedReason, Message: r.Message()}}
	case r.IsError():
		return []kitevents.Event{{Severity: kitevents.Error, Reason: reason, Message: message}}
	case r.Succeeded() && (!conditions.IsTrue(before, meta.ReadyCondition) || conditions.GetMessage(before, meta.ReadyCondition) != message):
		return []kitevents.Event{{Reason: reason, Message: message}}
	}
	return nil
}
