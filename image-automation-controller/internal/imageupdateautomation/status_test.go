// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

func result(err error) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(err), Phase: "x"}
}

// Flux: image-automation-controller contract, "Conditions" and "When and what".
func TestStatus(t *testing.T) {
	broken := errors.New("broken")
	done := reconcile.Result{}
	cases := map[string]struct {
		reason   string
		before   func(*imagev1.ImageUpdateAutomation)
		pushed   bool
		result   reconcile.Result
		want     map[string]string
		observed bool
		told     []string
	}{
		"First":    {reason: "A good run.", result: done, want: map[string]string{"Ready": "True Succeeded: repository up-to-date"}, observed: true, told: []string{" Succeeded: repository up-to-date"}},
		"Quiet":    {reason: "One more.", before: good, result: done, want: map[string]string{"Ready": "True Succeeded: repository up-to-date"}, observed: true},
		"Pushed":   {reason: "One with a commit.", before: good, pushed: true, result: done, want: map[string]string{"Ready": "True Succeeded: repository up-to-date"}, observed: true, told: []string{" Succeeded: pushed commit '1234567' to branch 'main' and refspecs 'a:b', 'c:d'\ntext"}},
		"Running":  {reason: "Under way for a new spec.", result: reconcile.Result{Running: true}, want: map[string]string{"Ready": "Unknown Progressing: processing object: new generation -1 -> 1", "Reconciling": "True Progressing: processing object: new generation -1 -> 1"}},
		"Again":    {reason: "Under way for a request.", before: good, result: reconcile.Result{Running: true}, want: map[string]string{"Ready": "True Succeeded: repository up-to-date", "Reconciling": "True Progressing: reconciliation in progress"}},
		"Failed":   {reason: "A known fault.", before: good, result: result(outcome.Fail("X", broken)), want: map[string]string{"Ready": "False X: broken", "Reconciling": "True ProgressingWithRetry: reconciliation in progress"}, told: []string{"error X: broken"}},
		"Unknown":  {reason: "An unknown one.", before: good, result: result(broken), want: map[string]string{"Ready": "False Failed: broken", "Reconciling": "True ProgressingWithRetry: reconciliation in progress"}, told: []string{"error Failed: broken"}},
		"Stalled":  {reason: "One for a person, after another.", before: bad, result: result(outcome.Stall("X", broken)), want: map[string]string{"Ready": "False X: broken", "Stalled": "True X: broken"}, observed: true, told: []string{"error X: broken"}},
		"Mended":   {reason: "A good run after a bad one.", before: bad, result: done, want: map[string]string{"Ready": "True Succeeded: repository up-to-date"}, observed: true, told: []string{" Succeeded: repository up-to-date"}},
		"Waiting":  {reason: "One that waits.", before: good, result: result(outcome.Wait(1, "Progressing", "waiting")), want: map[string]string{"Ready": "True Succeeded: repository up-to-date", "Reconciling": "True Progressing: waiting"}},
		"Suspend":  {reason: "Nothing moves while suspended.", before: bad, result: reconcile.Result{Suspended: true}, want: map[string]string{"Ready": "False Y: bad", "Stalled": "True Y: bad"}},
		"Deletion": {reason: "Nor on the way out.", before: good, result: reconcile.Result{Deleting: true}, want: map[string]string{"Ready": "True Succeeded: repository up-to-date"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &imagev1.ImageUpdateAutomation{}
			o.Generation, o.Status.ObservedGeneration = 1, -1
			if tc.before != nil {
				tc.before(o)
			}
			before := o.DeepCopy()
			s := &scope{obj: o, run: reconcile.Run{Started: time.Unix(1, 0)}, target: git.Target{Revision: "main@sha1:x"}, plan: plan{branch: "main"}}
			if tc.pushed {
				var h git.Hash
				copy(h[:], []byte{0x12, 0x34, 0x56, 0x78})
				s.pushed = &pushed{commit: h, at: time.Unix(2, 0), message: "text", refspecs: []string{"a:b", "c:d"}}
			}
			setStatus(s, tc.result)
			got := map[string]string{}
			for _, c := range o.Status.Conditions {
				got[c.Type] = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || verdict.Observed(o, tc.result) != tc.observed {
				t.Errorf("%s\nobserved %t, (-want +got):\n%s", tc.reason, verdict.Observed(o, tc.result), diff)
			}
			var told []string
			for _, e := range events(before, s, tc.result) {
				told = append(told, e.Severity+" "+e.Reason+": "+e.Message)
				if e.To != kitevents.Everywhere || e.Metadata != nil {
					t.Errorf("%s\nevent %+v", tc.reason, e)
				}
			}
			if diff := cmp.Diff(tc.told, told); diff != "" {
				t.Errorf("%s\nevents (-want +got):\n%s", tc.reason, diff)
			}
			if tc.pushed && (o.Status.LastPushCommit != s.pushed.commit.String() || o.Status.LastPushTime == nil || o.Status.ObservedSourceRevision != "main@sha1:x") {
				t.Errorf("%s\nstatus %+v", tc.reason, o.Status)
			}
		})
	}
}

func good(o *imagev1.ImageUpdateAutomation) {
	o.Status.ObservedGeneration = 1
	conditions.MarkTrue(o, meta.ReadyCondition, meta.SucceededReason, textReady)
}

func bad(o *imagev1.ImageUpdateAutomation) {
	o.Status.ObservedGeneration = 1
	conditions.MarkStalled(o, "Y", "bad")
	conditions.MarkFalse(o, meta.ReadyCondition, "Y", "bad")
}
