// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"errors"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

const (
	rev1 = "main@sha1:1111111111111111111111111111111111111111"
	rev2 = "main@sha1:2222222222222222222222222222222222222222"
)

// verdict is what a person reads: type=status/reason: message.
func verdicts(obj *kustomizev1.Kustomization) []string {
	var list []string
	for _, c := range obj.Status.Conditions {
		list = append(list, c.Type+"="+string(c.Status)+"/"+c.Reason+": "+c.Message)
	}
	return list
}

func fresh(edit func(*scope)) *scope {
	obj := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "ns", Generation: 1}}
	obj.Spec.Interval.Duration = time.Hour
	obj.Spec.Timeout = &metav1.Duration{Duration: time.Minute}
	obj.Status.ObservedGeneration = -1
	s := &scope{obj: obj, artifact: meta.Artifact{Revision: rev1}, last: &record{}}
	if edit != nil {
		edit(s)
	}
	return s
}

func wasReady(s *scope) {
	conditions.MarkTrue(s.obj, meta.ReadyCondition, meta.ReconciliationSucceededReason, appliedText, rev1)
	s.obj.Status.LastAppliedRevision = rev1
	s.obj.Status.ObservedGeneration = 1
}

func failed(class outcome.Class, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Outcome{Class: class, Reason: reason, Err: errors.New("it broke")}}
}

func TestConditions(t *testing.T) {
	cases := map[string]struct {
		reason string
		scope  *scope
		result reconcile.Result
		want   []string
	}{
		"Published": {
			reason: "A new revision in the works shows before the first write.",
			scope:  fresh(func(s *scope) { s.step = stepApply }),
			result: reconcile.Result{Running: true},
			want: []string{
				"Reconciling=True/Progressing: Detecting drift for revision " + rev1 + " with a timeout of 1m0s",
				"Ready=Unknown/Progressing: Reconciliation in progress",
			},
		},
		"PublishedAgain": {
			reason: "An object that is Ready stays so while the same revision is looked at again.",
			scope:  fresh(func(s *scope) { wasReady(s); s.step = stepApply }),
			result: reconcile.Result{Running: true},
			want: []string{
				"Reconciling=True/Progressing: Detecting drift for revision " + rev1 + " with a timeout of 1m0s",
				"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1,
			},
		},
		"Succeeded": {
			reason: "Success leaves Ready alone when no health was asked for.",
			scope:  fresh(func(s *scope) { conditions.MarkStalled(s.obj, "X", "old"); s.step = stepApply }),
			want:   []string{"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1},
		},
		"Healthy": {
			reason: "A health check that took time says how long.",
			scope:  fresh(func(s *scope) { s.obj.Spec.Wait = true; s.step = stepHealth; s.healthTook = 1500 * time.Millisecond }),
			want: []string{
				"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1,
				"Healthy=True/Succeeded: Health check passed in 1.5s",
			},
		},
		"HealthyAgain": {
			reason: "How long a first look after a restart took is no news.",
			scope: fresh(func(s *scope) {
				wasReady(s)
				s.obj.Spec.Wait, s.healthTook = true, time.Millisecond
				conditions.MarkTrue(s.obj, kustomizev1.HealthyCondition, meta.SucceededReason, healthPassedText, "3s")
			}),
			want: []string{
				"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1,
				"Healthy=True/Succeeded: Health check passed in 3s",
			},
		},
		"HealthyStill": {
			reason: "A health check that found nothing to wait for rewrites nothing.",
			scope: fresh(func(s *scope) {
				wasReady(s)
				s.obj.Spec.Wait = true
				conditions.MarkTrue(s.obj, kustomizev1.HealthyCondition, meta.SucceededReason, "Health check passed in 7s")
			}),
			want: []string{
				"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1,
				"Healthy=True/Succeeded: Health check passed in 7s",
			},
		},
		"NothingToCheck": {
			reason: "Where nothing was left to check, Healthy says nothing.",
			scope: fresh(func(s *scope) {
				s.obj.Spec.Wait, s.unchecked = true, true
				conditions.MarkTrue(s.obj, kustomizev1.HealthyCondition, meta.SucceededReason, "Health check passed in 7s")
			}),
			want: []string{"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1},
		},
		"SourceUnreadable": {
			reason: "An error that nobody translated while the source is read is the source's.",
			scope:  fresh(nil),
			result: reconcile.Result{Phase: phaseSource, Outcome: outcome.Outcome{Class: outcome.Unforeseen, Err: errors.New("it broke")}},
			want:   []string{"Ready=False/ArtifactFailed: it broke"},
		},
		"WaitsForHealth": {
			reason: "While health is awaited nothing is decided.",
			scope:  fresh(func(s *scope) { s.obj.Spec.Wait = true; s.step = stepHealth }),
			result: failed(outcome.Waiting, meta.ProgressingReason),
			want: []string{
				"Reconciling=True/Progressing: Running health checks for revision " + rev1 + " with a timeout of 1m0s",
				"Ready=Unknown/Progressing: Reconciliation in progress",
				"Healthy=Unknown/Progressing: Running health checks for revision " + rev1 + " with a timeout of 1m0s",
			},
		},
		"Unhealthy": {
			reason: "Healthy carries the raw fault, Ready the one with its time.",
			scope: fresh(func(s *scope) {
				s.obj.Spec.Wait = true
				s.step = stepHealth
				s.healthFault = "timeout waiting for: [x]"
			}),
			result: failed(outcome.Failed, kustomizev1.HealthCheckFailedReason),
			want: []string{
				"Reconciling=True/ProgressingWithRetry: Running health checks for revision " + rev1 + " with a timeout of 1m0s",
				"Ready=False/HealthCheckFailed: it broke",
				"Healthy=False/HealthCheckFailed: timeout waiting for: [x]",
			},
		},
		"BuildFailed": {
			reason: "A failed step keeps its text and says that it will be tried again.",
			scope:  fresh(func(s *scope) { wasReady(s); s.artifact.Revision = rev2; s.step = stepBuild }),
			result: failed(outcome.Failed, kustomizev1.BuildFailedReason),
			want: []string{
				"Reconciling=True/ProgressingWithRetry: Building manifests for revision " + rev2 + " with a timeout of 1m0s",
				"Ready=False/BuildFailed: it broke",
			},
		},
		"DependencyNotReady": {
			reason: "A wait before the first step shows in Ready alone.",
			scope:  fresh(nil),
			result: failed(outcome.Waiting, kustomizev1.DependencyNotReadyReason),
			want:   []string{"Ready=False/DependencyNotReady: it broke"},
		},
		"Stalled": {
			reason: "What only a person can fix is Stalled, and no longer Reconciling.",
			scope:  fresh(func(s *scope) { conditions.MarkReconciling(s.obj, "Progressing", "old") }),
			result: failed(outcome.Stalled, kustomizev1.AccessDeniedReason),
			want:   []string{"Stalled=True/AccessDenied: it broke", "Ready=False/AccessDenied: it broke"},
		},
		"Unstalled": {
			reason: "A stall does not outlive a later fault of another kind.",
			scope:  fresh(func(s *scope) { conditions.MarkStalled(s.obj, "X", "old") }),
			result: failed(outcome.Failed, kustomizev1.ArtifactFailedReason),
			want:   []string{"Ready=False/ArtifactFailed: it broke"},
		},
		"Unforeseen": {
			reason: "An error that nobody translated has the generic reason.",
			scope:  fresh(nil),
			result: failed(outcome.Unforeseen, ""),
			want:   []string{"Ready=False/ReconciliationFailed: it broke"},
		},
		"Suspended": {
			reason: "A suspended object keeps its conditions.",
			scope:  fresh(wasReady),
			result: reconcile.Result{Suspended: true},
			want:   []string{"Ready=True/ReconciliationSucceeded: Applied revision: " + rev1},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			setStatus(tc.scope, tc.result)
			if diff := cmp.Diff(tc.want, verdicts(tc.scope.obj)); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestObserved(t *testing.T) {
	cases := map[string]struct {
		reason string
		scope  *scope
		result reconcile.Result
		want   bool
	}{
		"Ready":       {"A final good verdict is about this generation.", fresh(wasReady), reconcile.Result{}, true},
		"Suspended":   {"A suspended object that is Ready follows its generation.", fresh(wasReady), reconcile.Result{Suspended: true}, true},
		"Running":     {"A published state is no verdict.", fresh(wasReady), reconcile.Result{Running: true}, false},
		"Failed":      {"A failure is not final.", fresh(nil), failed(outcome.Failed, kustomizev1.BuildFailedReason), false},
		"Expression":  {"A wrong expression is final.", fresh(nil), failed(outcome.Stalled, kustomizev1.InvalidCELExpressionReason), true},
		"NotAllowed":  {"A refused reference is not a verdict on the spec.", fresh(nil), failed(outcome.Stalled, kustomizev1.AccessDeniedReason), false},
		"GateMissing": {"Nor is a gate that is off.", fresh(nil), failed(outcome.Stalled, kustomizev1.FeatureGateDisabledReason), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := observed(tc.scope.obj, tc.result); got != tc.want {
				t.Errorf("%s\nobserved() = %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestFacts(t *testing.T) {
	s := fresh(func(s *scope) {
		s.attempted, s.digest = true, "sha256:aa"
		s.inventory = []apply.Entry{{ID: "ns_a__ConfigMap", Version: "v1"}}
		s.artifact.Metadata = map[string]string{ociRevisionKey: "upstream"}
	})
	setStatus(s, reconcile.Result{})
	setStatus(s, failed(outcome.Failed, kustomizev1.HealthCheckFailedReason))
	setStatus(s, failed(outcome.Failed, kustomizev1.BuildFailedReason))
	if s.obj.Status.LastAttemptedRevision != rev1 || s.obj.Status.LastAppliedRevision != rev1 || s.obj.Status.LastAppliedOriginRevision != "upstream" {
		t.Errorf("revisions not recorded: %+v", s.obj.Status)
	}
	if diff := cmp.Diff([]kustomizev1.ResourceRef{{ID: "ns_a__ConfigMap", Version: "v1"}}, s.obj.Status.Inventory.Entries); diff != "" {
		t.Errorf("inventory: -want, +got:\n%s", diff)
	}
	var got []string
	for _, h := range s.obj.Status.History {
		got = append(got, h.LastReconciledStatus)
	}
	if diff := cmp.Diff([]string{"HealthCheckFailed", "ReconciliationSucceeded"}, got); diff != "" {
		t.Errorf("a failed build has no place in the history: -want, +got:\n%s", diff)
	}
}

// TestHistoryDuration holds that a result took as long as everything that led to it, whatever the number of runs.
func TestHistoryDuration(t *testing.T) {
	now := time.Now()
	for name, res := range map[string]reconcile.Result{"Done": {}, "Failed": failed(outcome.Failed, kustomizev1.HealthCheckFailedReason)} {
		t.Run(name, func(t *testing.T) {
			s := fresh(func(s *scope) {
				s.digest, s.run.Started, s.began = "sha256:aa", now, now.Add(-time.Minute)
			})
			res.Duration = time.Second
			setStatus(s, res)
			if got := s.obj.Status.History.Latest().LastReconciledDuration.Duration; got != time.Minute+time.Second {
				t.Errorf("took %s", got)
			}
		})
	}
}

func TestHistoryOfIdleRuns(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*scope)
		want   int64
	}{
		"AsItWas":    {"A run that finds all as it was is no news, be it at an interval or after a restart.", func(*scope) {}, 1},
		"Requested":  {"Who asks for a run sees it counted.", func(s *scope) { s.run.Requested = "now" }, 2},
		"Corrected":  {"A correction is news.", func(s *scope) { s.applied.Items = []apply.Change{{Action: apply.Configured}} }, 2},
		"Pruned":     {"So is a deletion.", func(s *scope) { s.pruned.Items = []apply.Change{{Action: apply.Deleted}} }, 2},
		"Revision":   {"A new revision of the same content is written anyway.", func(s *scope) { s.artifact.Revision = rev2 }, 2},
		"Generation": {"So is a verdict on a new spec.", func(s *scope) { s.obj.Generation = 2 }, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := fresh(func(s *scope) { s.attempted, s.digest = true, "sha256:aa" })
			setStatus(s, reconcile.Result{})
			tc.edit(s)
			setStatus(s, reconcile.Result{})
			if got := s.obj.Status.History.Latest().TotalReconciliations; got != tc.want {
				t.Errorf("%s\ncounted %d times, want %d", tc.reason, got, tc.want)
			}
		})
	}
}
