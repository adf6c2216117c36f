// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/hack/bench/internal/audit"
)

func TestSummarize(t *testing.T) {
	get := func(n float64) []audit.Count {
		return []audit.Count{{User: "u", Verb: "get", Resource: "pods", Requests: n}}
	}
	s := Scenario{Name: Chain, Runs: []Run{
		{Steps: []Step{{Name: FirstApply, Values: map[Metric]float64{Settled: 3, CPU: 1}, Requests: get(10)}}},
		{Steps: []Step{{Name: FirstApply, Values: map[Metric]float64{Settled: 9, CPU: 2}, Requests: get(30)}}},
		{Steps: []Step{{Name: FirstApply, Values: map[Metric]float64{Settled: 4}, Requests: get(20), Missed: "b"}}},
	}}
	s.Summarize()
	want := []Step{{Name: FirstApply, Values: map[Metric]float64{Settled: 4}, Requests: get(20), Missed: "b"}}
	if diff := cmp.Diff(want, s.Steps); diff != "" {
		t.Errorf("medians: -want, +got:\n%s", diff)
	}
	if len(s.Figures) != 1 || !s.Figures[0].Reached || *s.Figures[0].Value != 4 {
		t.Errorf("4 s is what a chain must reach: %+v", s.Figures)
	}
}

// TestRepeated has steps that a run measures more than once.
func TestRepeated(t *testing.T) {
	step := func(name string, ratio float64) Step {
		return Step{Name: name, Values: map[Metric]float64{Ratio: ratio}, Requests: []audit.Count{}}
	}
	runs := []Run{{Steps: []Step{step("a", 1), step("b", 5), step("a", 9), step("b", 7), step("a", 2)}}}
	if diff := cmp.Diff([]Step{step("a", 2), step("b", 6)}, medians(runs)); diff != "" {
		t.Errorf("the median of all that have the name: -want, +got:\n%s", diff)
	}
}

func TestEvaluate(t *testing.T) {
	cases := map[string]struct {
		reason   string
		steps    []Step
		measured int
		reached  int
	}{
		"NotAsked": {reason: "Figures of steps that did not run are left out."},
		"Reached":  {reason: "None at all is at most none.", steps: []Step{{Name: Idle, Values: map[Metric]float64{RequestsPerObject: 0}}}, measured: 1, reached: 1},
		"Above":    {reason: "One above is missed.", steps: []Step{{Name: Idle, Values: map[Metric]float64{RequestsPerObject: 1}}}, measured: 1},
		"InVain":   {reason: "A step that waited in vain misses its figures.", steps: []Step{{Name: HandEdit, Missed: "put back"}}, measured: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			outcomes, reached := evaluate(Fanout, tc.steps), 0
			for _, o := range outcomes {
				if o.Reached {
					reached++
				}
			}
			if len(outcomes) != tc.measured || reached != tc.reached {
				t.Errorf("%s\n%d figures, %d reached, want %d and %d", tc.reason, len(outcomes), reached, tc.measured, tc.reached)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{0: nil, 2: {3, 1, 2}, 2.5: {4, 1, 3, 2}} {
		if got := Median(values); got != want {
			t.Errorf("Median(%v) = %v, want %v", values, got, want)
		}
	}
}

// TestFigures checks that every figure can be told apart and be written down.
func TestFigures(t *testing.T) {
	seen := map[[3]string]bool{}
	for _, f := range Figures() {
		key := [3]string{f.Scenario, f.Step, string(f.Metric)}
		if seen[key] || f.Work == "" || f.Name == "" || f.Unit == "" || f.Aim > f.Must {
			t.Errorf("%+v: given twice or incomplete", f)
		}
		seen[key] = true
	}
}
