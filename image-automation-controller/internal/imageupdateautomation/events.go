// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// shortHash is how much of a hash people are told. Flux: image-automation-controller contract, "When and what".
const shortHash = 7

// events lists what a run has to tell: a push, the end of a failure, a failure. A run in which nothing moved has nothing to tell, not even to
// the cluster: the contract's trace events of such runs would be a request per object and interval.
func events(before *imagev1.ImageUpdateAutomation, s *scope, r reconcile.Result) []kitevents.Event {
	reason := conditions.GetReason(s.obj, meta.ReadyCondition)
	switch {
	case r.Deleting && r.IsError():
		return []kitevents.Event{{Severity: kitevents.Error, Reason: meta.FailedReason, Message: r.Message()}}
	case r.IsError():
		return []kitevents.Event{{Severity: kitevents.Error, Reason: reason, Message: r.Message()}}
	case !r.Succeeded():
		return nil
	case s.pushed != nil:
		return []kitevents.Event{{Reason: reason, Message: s.pushed.summary(s.plan.branch)}}
	case !conditions.IsTrue(before, meta.ReadyCondition):
		return []kitevents.Event{{Reason: reason, Message: textReady}}
	}
	return nil
}

// summary tells what was pushed and where.
func (p *pushed) summary(branch string) string {
	text := fmt.Sprintf("pushed commit '%s' to branch '%s'", p.commit.String()[:shortHash], branch)
	if len(p.refspecs) > 0 {
		text += " and refspecs '" + strings.Join(p.refspecs, "', '") + "'"
	}
	return text + "\n" + p.message
}
