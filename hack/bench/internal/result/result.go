// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package result holds what was measured and what it is held against: steps,
// their medians over several runs, and the figures to reach.
package result

import (
	"slices"
	"time"

	"github.com/weir-gitops/weir/hack/bench/internal/audit"
	"github.com/weir-gitops/weir/hack/bench/internal/proc"
)

// Metric names a measured value and its unit.
type Metric string

// Values of a step. Those of the controllers are sums over both, and go on
// until no request of theirs came for a second after the step's goal.
const (
	// Settled is the time from the step's cause to its goal, in seconds.
	Settled Metric = "settledSeconds"
	// Live is the time until a change in Git is seen on its objects, in seconds.
	Live Metric = "liveSeconds"
	// PutBack is the longest time until an edit by hand was undone, in seconds.
	PutBack Metric = "putBackSeconds"
	// PutBackMedian is the median of those times, in seconds.
	PutBackMedian Metric = "putBackMedianSeconds"
	// LiveP95 is the 95th percentile of such times, LiveMedian their median, in seconds.
	LiveP95    Metric = "liveP95Seconds"
	LiveMedian Metric = "liveMedianSeconds"
	// Ratio is how many times as long something took as the same without what
	// the step adds.
	Ratio Metric = "ratio"
	// CPU is that of the controllers, in seconds.
	CPU Metric = "cpuSeconds"
	// ControlPlaneCPU is that of the Kubernetes control plane, in seconds.
	ControlPlaneCPU Metric = "controlPlaneCpuSeconds"
	// Requests is the number of requests of the controllers to the API server.
	Requests Metric = "requests"
	// RequestsPerObject counts, of those, what an idle controller has no reason
	// for: everything but watches, lists, leases and health probes.
	RequestsPerObject Metric = "requestsPerObject"
	// GitBytes is what the Git server sent, in bytes.
	GitBytes Metric = "gitBytes"
	// GitRequests is the number of requests to the Git server.
	GitRequests Metric = "gitRequests"
)

// CPUOf is the CPU time of one controller, in seconds.
func CPUOf(process string) Metric { return Metric("cpuSeconds/" + process) }

// ResidentOf is the resident memory of one controller after a step, in bytes.
func ResidentOf(process string) Metric { return Metric("residentBytes/" + process) }

// PeakOf is the highest resident memory of one controller in a step, in bytes.
func PeakOf(process string) Metric { return Metric("peakBytes/" + process) }

// Step is one measured piece of work.
type Step struct {
	Name   string             `json:"name"`
	Values map[Metric]float64 `json:"values"`
	// Requests are those of the controllers, by identity, verb and resource.
	Requests []audit.Count `json:"requestsBy"`
	// Missed says what the step waited for in vain; Values are without it.
	Missed string `json:"missed,omitempty"`
}

// Run is one pass through a scenario.
type Run struct {
	Steps []Step `json:"steps"`
}

// Environment is what a scenario was measured on and with.
type Environment struct {
	Date       time.Time    `json:"date"`
	Machine    proc.Machine `json:"machine"`
	Kubernetes string       `json:"kubernetes"`
	// Implementation is what the measured controllers are called.
	Implementation string `json:"implementation"`
	// Version is what source-controller says on --version, empty if nothing.
	Version string `json:"version,omitempty"`
	// Go is the version that the controllers were built with.
	Go string `json:"go"`
}

// Scenario is what was measured of a scenario.
type Scenario struct {
	Name        string      `json:"name"`
	Environment Environment `json:"environment"`
	Runs        []Run       `json:"runs"`
	// Steps holds the medians of the runs.
	Steps []Step `json:"steps"`
	// Figures are the steps' values held against what must be reached.
	Figures []Outcome `json:"figures"`
}

// Summarize fills in the medians and the figures from the runs.
func (s *Scenario) Summarize() {
	s.Steps = medians(s.Runs)
	s.Figures = evaluate(s.Name, s.Steps)
}

// medians combines the runs step by step, in the order of the first run. A run may have measured a step more than once.
func medians(runs []Run) []Step {
	if len(runs) == 0 {
		return nil
	}
	steps := make([]Step, 0, len(runs[0].Steps))
	for _, first := range runs[0].Steps {
		if slices.ContainsFunc(steps, func(s Step) bool { return s.Name == first.Name }) {
			continue
		}
		var same []Step
		for _, run := range runs {
			for _, step := range run.Steps {
				if step.Name == first.Name {
					same = append(same, step)
				}
			}
		}
		steps = append(steps, median(same))
	}
	return steps
}

// median combines runs of the same step. A value that a run lacks, since it
// waited in vain, is lacking in the result.
func median(same []Step) Step {
	step := Step{Name: same[0].Name, Values: map[Metric]float64{}}
	perRun := make([][]audit.Count, 0, len(same))
	for _, s := range same {
		perRun = append(perRun, s.Requests)
		if s.Missed != "" {
			step.Missed = s.Missed
		}
	}
	step.Requests = audit.Merge(perRun, Median)
	for metric := range same[0].Values {
		values := make([]float64, 0, len(same))
		for _, s := range same {
			if v, ok := s.Values[metric]; ok {
				values = append(values, v)
			}
		}
		if len(values) == len(same) {
			step.Values[metric] = Median(values)
		}
	}
	return step
}

// Median is the middle value, or the mean of the two in the middle.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
