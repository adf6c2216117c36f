// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestSetStatus holds what a run makes of the status of a Receiver that was ready, unless the case says otherwise.
func TestSetStatus(t *testing.T) {
	passing := fmt.Errorf("read token: %w", apierrors.NewServiceUnavailable("busy"))
	of := func(err error) reconcile.Result { return reconcile.Result{Outcome: outcome.Of(err)} }
	fresh := func(r *notificationv1.Receiver) { r.Generation++ }
	cases := map[string]struct {
		reason string
		edit   func(*notificationv1.Receiver)
		result reconcile.Result
		path   string // what the phases made
		asked  bool   // somebody asked for the run
		want   map[string]string
		at     string // webhookPath after it
	}{
		"Succeeded": {
			reason: "The path is open.", result: of(nil), path: "/hook/new",
			want: map[string]string{meta.ReadyCondition: "True Succeeded: Receiver initialized for path: /hook/new"}, at: "/hook/new",
		},
		"TokenNotFound": {
			reason: "Contract, 7.7: the path is closed.", result: of(outcome.Fail(notificationv1.TokenNotFoundReason, errors.New("missing"))),
			want: map[string]string{meta.ReadyCondition: "False TokenNotFound: missing", meta.ReconcilingCondition: "True ProgressingWithRetry: missing"},
		},
		"Stalled": {
			reason: "Contract, 7.7: the path stays.", result: of(outcome.Stall(notificationv1.InvalidCELExpressionReason, errors.New("broken"))),
			want: map[string]string{meta.ReadyCondition: "False InvalidCELExpression: broken", meta.StalledCondition: "True InvalidCELExpression: broken"}, at: "/hook/old",
		},
		"Unforeseen": {
			reason: "What does not pass is said.", result: of(errors.New("forbidden")),
			want: map[string]string{meta.ReadyCondition: "False Failed: forbidden", meta.ReconcilingCondition: "True ProgressingWithRetry: forbidden"}, at: "/hook/old",
		},
		"Passing": {
			reason: "An API server that is busy does not close a path.", result: of(passing),
			want: map[string]string{meta.ReadyCondition: "True Succeeded: ready"}, at: "/hook/old",
		},
		"PassingAtFirst": {
			reason: "It does not open one either.", result: of(passing), edit: func(r *notificationv1.Receiver) { *r = notificationv1.Receiver{} },
			want: map[string]string{meta.ReadyCondition: "False Failed: " + passing.Error(), meta.ReconcilingCondition: "True ProgressingWithRetry: " + passing.Error()},
		},
		"PassingOnChange": {
			reason: "Nor is a changed object as good as it was.", result: of(passing), edit: fresh,
			want: map[string]string{meta.ReadyCondition: "False Failed: " + passing.Error(), meta.ReconcilingCondition: "True ProgressingWithRetry: " + passing.Error()}, at: "/hook/old",
		},
		"PassingOnRequest": {
			reason: "Who asked for the run waits for what became of it.", result: of(passing), asked: true,
			want: map[string]string{meta.ReadyCondition: "False Failed: " + passing.Error(), meta.ReconcilingCondition: "True ProgressingWithRetry: " + passing.Error()}, at: "/hook/old",
		},
		"Suspended": {
			reason: "Contract, 7.7: conditions are left alone.", result: reconcile.Result{Suspended: true},
			want: map[string]string{meta.ReadyCondition: "True Succeeded: ready"}, at: "/hook/old",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := &notificationv1.Receiver{}
			r.Generation, r.Status.ObservedGeneration, r.Status.WebhookPath = 3, 3, "/hook/old"
			conditions.MarkTrue(r, meta.ReadyCondition, meta.SucceededReason, "ready")
			if tc.edit != nil {
				tc.edit(r)
			}
			setStatus(&scope{obj: r, path: tc.path, requested: tc.asked}, tc.result)
			for _, kind := range owned() {
				want, is := tc.want[kind]
				if !is {
					want = "absent"
				}
				if got := testkit.Condition(r, kind); got != want {
					t.Errorf("%s\n%s: %s, want %s", tc.reason, kind, got, want)
				}
			}
			if r.Status.WebhookPath != tc.at {
				t.Errorf("%s\npath %q, want %q", tc.reason, r.Status.WebhookPath, tc.at)
			}
			// Another run that ends the same has nothing to write.
			for i := range r.Status.Conditions {
				r.Status.Conditions[i].LastTransitionTime = metav1.NewTime(time.Now().Add(-time.Hour))
			}
			before := r.DeepCopy()
			setStatus(&scope{obj: r, path: tc.path, requested: tc.asked}, tc.result)
			if diff := cmp.Diff(before, r); diff != "" {
				t.Errorf("%s\nthe same again changes the status (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
