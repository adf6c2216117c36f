// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// TestFigures checks that every figure belongs to a scenario that exists.
func TestFigures(t *testing.T) {
	for _, name := range Names() {
		if _, err := parts(name); err != nil {
			t.Error(err)
		}
	}
	for _, f := range result.Figures() {
		if _, err := parts(f.Scenario); err != nil {
			t.Errorf("figure %q: %v", f.Work, err)
		}
	}
	if _, _, err := Run(t.Context(), "other", env.Options{}); !errors.Is(err, ErrUnknown) {
		t.Errorf("error %v, want %v", err, ErrUnknown)
	}
}

func TestGoals(t *testing.T) {
	const commit = "0123456789012345678901234567890123456789"
	status := func(change func(status map[string]any)) *unstructured.Unstructured {
		s := map[string]any{
			"observedGeneration": int64(1), "lastAppliedRevision": "main@sha1:" + commit,
			"artifact":   map[string]any{"revision": "main@sha1:" + commit},
			"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
		}
		change(s)
		return &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"generation": int64(1)}, "status": s}}
	}
	cases := map[string]struct {
		reason string
		object *unstructured.Unstructured
		want   bool
	}{
		"Reached": {reason: "Ready at the commit.", object: status(func(map[string]any) {}), want: true},
		"Older": {reason: "Ready at an older commit.", object: status(func(s map[string]any) {
			s["lastAppliedRevision"], s["artifact"] = "main@sha1:1", map[string]any{"revision": "main@sha1:1"}
		})},
		"NotReady": {reason: "At the commit, but not ready.", object: status(func(s map[string]any) { delete(s, "conditions") })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, goal := range []observe.Goal{applied(commit, nil), stored(commit, "x")} {
				if got := goal.Reached(tc.object); got != tc.want {
					t.Errorf("%s\n%s: %t", tc.reason, goal.What, got)
				}
			}
		})
	}
}

func TestNames(t *testing.T) {
	a := &apps{Fleet: fleet.Fleet{Apps: 40, Sick: 6}}
	if all, healthy := len(a.names(false)), len(a.names(true)); all != 40 || healthy != 34 {
		t.Errorf("%d Kustomizations, %d healthy, want 40 and 34", all, healthy)
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]uint64{"12": 12, "": 0, "x": 0} {
		o := &unstructured.Unstructured{}
		o.SetResourceVersion(text)
		if got := version(o); got != want {
			t.Errorf("version(%q) = %d, want %d", text, got, want)
		}
	}
}
