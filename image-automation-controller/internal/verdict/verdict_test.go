// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package verdict_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Flux: image-automation-controller contract, "Conditions".
func TestConditions(t *testing.T) {
	broken := errors.New("broken")
	ended := func(err error) reconcile.Result { return reconcile.Result{Outcome: outcome.Of(err)} }
	bad := func(err error) func(*imagev1.ImagePolicy) {
		return func(o *imagev1.ImagePolicy) { verdict.Bad(o, ended(err), "again") }
	}
	good := func(o *imagev1.ImagePolicy) { verdict.Good(o, "100% done") }
	running := func(takeBack bool) func(*imagev1.ImagePolicy) {
		return func(o *imagev1.ImagePolicy) { verdict.Running(o, "at work", takeBack) }
	}
	cases := map[string]struct {
		reason string
		steps  []func(*imagev1.ImagePolicy)
		want   map[string]string
	}{
		"Good":         {"All is well.", steps(good), map[string]string{"Ready": "True Succeeded: 100% done"}},
		"Failed":       {"A known fault is tried again.", steps(good, bad(outcome.Fail("X", broken))), map[string]string{"Ready": "False X: broken", "Reconciling": "True ProgressingWithRetry: again"}},
		"Unknown":      {"So is one without a name.", steps(bad(broken)), map[string]string{"Ready": "False Failed: broken", "Reconciling": "True ProgressingWithRetry: again"}},
		"Waiting":      {"And what waits.", steps(bad(outcome.Wait(1, "DependencyNotReady", "soon"))), map[string]string{"Ready": "False DependencyNotReady: soon", "Reconciling": "True ProgressingWithRetry: again"}},
		"Stalled":      {"One for a person has one reason, whatever was before.", steps(bad(broken), bad(outcome.Stall("X", broken))), map[string]string{"Ready": "False X: broken", "Stalled": "True X: broken"}},
		"Failed again": {"What is tried again is not stalled.", steps(bad(outcome.Stall("X", broken)), bad(broken)), map[string]string{"Ready": "False Failed: broken", "Reconciling": "True ProgressingWithRetry: again"}},
		"Mended":       {"Nothing stays of a fault.", steps(bad(outcome.Stall("X", broken)), good), map[string]string{"Ready": "True Succeeded: 100% done"}},
		"First":        {"Nothing is known in the first run.", steps(running(false)), map[string]string{"Ready": "Unknown Progressing: at work", "Reconciling": "True Progressing: at work"}},
		"Next":         {"What is known stays in the next.", steps(good, running(false)), map[string]string{"Ready": "True Succeeded: 100% done", "Reconciling": "True Progressing: at work"}},
		"AfterFault":   {"A fault too.", steps(bad(broken), running(false)), map[string]string{"Ready": "False Failed: broken", "Reconciling": "True Progressing: at work"}},
		"TakenBack":    {"Unless it is taken back.", steps(good, running(true)), map[string]string{"Ready": "Unknown Progressing: at work", "Reconciling": "True Progressing: at work"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &imagev1.ImagePolicy{}
			for _, step := range tc.steps {
				step(o)
			}
			got := map[string]string{}
			for _, kind := range verdict.Owned() {
				if c := conditions.Get(o, kind); c != nil {
					got[kind] = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func steps(all ...func(*imagev1.ImagePolicy)) []func(*imagev1.ImagePolicy) { return all }

func TestProgress(t *testing.T) {
	o := &imagev1.ImagePolicy{}
	o.Generation = 3
	if got := verdict.Progress(o, 2); got != "processing object: new generation 2 -> 3" {
		t.Errorf("a new generation: %q", got)
	}
	if got := verdict.Progress(o, 3); got != "reconciliation in progress" {
		t.Errorf("the same generation: %q", got)
	}
}

func TestObserved(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		result reconcile.Result
		want   bool
	}{
		"Done":     {"A good run is final.", reconcile.Result{}, true},
		"Stalled":  {"So is one that only a person can mend.", reconcile.Result{Outcome: outcome.Outcome{Class: outcome.Stalled}}, true},
		"Failed":   {"One that is tried again is not.", reconcile.Result{Outcome: outcome.Outcome{Class: outcome.Failed}}, false},
		"Running":  {"Nor one that goes on.", reconcile.Result{Running: true}, false},
		"Suspend":  {"Nor none at all.", reconcile.Result{Suspended: true}, false},
		"Deletion": {"Nor the last.", reconcile.Result{Deleting: true, Outcome: outcome.Outcome{Class: outcome.Stalled}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := verdict.Observed(0, tc.result); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}
