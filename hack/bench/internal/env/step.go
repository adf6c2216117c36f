// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weir-gitops/weir/hack/bench/internal/audit"
	"github.com/weir-gitops/weir/hack/bench/internal/proc"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

const (
	// quiet is how long the controllers must not ask anything for a step to be over.
	quiet = time.Second
	// maxQuiet bounds the wait for that; some work never gets quiet.
	maxQuiet = 10 * time.Second
	// lookInterval is how often the audit log is read meanwhile.
	lookInterval = 100 * time.Millisecond
)

// ErrMissed says that a step waited in vain for something that can be done
// without; the steps after it make sense all the same.
var ErrMissed = errors.New("not reached")

// reading is the state of all counters at one moment.
type reading struct {
	at           time.Time
	usage        []proc.Usage // of the controllers
	controlPlane time.Duration
	git          gitserver.Traffic
}

// Step measures a piece of work. The work gets the moment it begins and the
// values to fill in, and returns when its goal is reached. The step is over, and
// CPU and requests are counted, when the controllers have gone quiet after it.
func (e *Env) Step(ctx context.Context, name string, work func(context.Context, *result.Step) error) error {
	e.options.Progress("%s …", name)
	limit := e.options.StepTimeout
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w in %s", ErrMissed, limit))
	defer cancel()
	step := result.Step{Name: name, Values: map[result.Metric]float64{}}
	before, err := e.read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	profiled := e.profile(bounded, name)
	workErr := work(bounded, &step)
	if err := profiled(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if workErr != nil && (!errors.Is(workErr, ErrMissed) || bounded.Err() != nil) {
		return fmt.Errorf("%s: %w", name, workErr)
	}
	if workErr != nil {
		step.Missed = workErr.Error()
	}
	if err := e.untilQuiet(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := e.account(&step, before); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.Steps = append(e.Steps, step)
	return nil
}

// read takes the counters and lets the peak of memory begin anew.
func (e *Env) read() (reading, error) {
	now := reading{git: e.Git.Traffic()}
	for _, c := range e.controllers {
		usage, err := e.proc.Usage(c.PID())
		if err != nil {
			return reading{}, err
		}
		now.usage = append(now.usage, usage)
		if err := e.proc.ResetPeak(c.PID()); err != nil {
			return reading{}, err
		}
	}
	for _, pid := range e.controlPlane() {
		usage, err := e.proc.Usage(pid)
		if err != nil {
			continue // a helper that ended meanwhile
		}
		now.controlPlane += usage.CPU
	}
	now.at = time.Now()
	return now, nil
}

// controlPlane lists the processes of the control plane, children of its
// components included.
func (e *Env) controlPlane() []int {
	var pids []int
	for _, pid := range e.cluster.Processes {
		pids = append(pids, pid)
		if children, err := e.proc.Descendants(pid); err == nil {
			pids = append(pids, children...)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// untilQuiet waits until the controllers have asked nothing for a while.
func (e *Env) untilQuiet(ctx context.Context) error {
	begin := time.Now()
	last := begin
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for time.Since(last) < quiet && time.Since(begin) < maxQuiet {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		fresh, err := e.log.Read()
		if err != nil {
			return err
		}
		for _, r := range fresh {
			if e.measured(r.User) && r.Received.After(last) {
				last = r.Received
			}
		}
	}
	return nil
}

// account fills in what was used since the reading.
func (e *Env) account(step *result.Step, before reading) error {
	after, err := e.read()
	if err != nil {
		return err
	}
	if _, err := e.log.Read(); err != nil {
		return err
	}
	for i, c := range e.controllers {
		cpu := (after.usage[i].CPU - before.usage[i].CPU).Seconds()
		step.Values[result.CPU] += cpu
		step.Values[result.CPUOf(c.Name())] = cpu
		step.Values[result.ResidentOf(c.Name())] = float64(after.usage[i].RSS)
		step.Values[result.PeakOf(c.Name())] = float64(after.usage[i].Peak)
	}
	requests := e.log.Between(before.at, after.at)
	step.Requests = audit.CountBy(requests, e.measured)
	step.Values[result.Requests] = audit.Total(step.Requests)
	step.Values[result.RequestsPerObject] = perObject(step.Requests)
	step.Values[result.ControlPlaneCPU] = (after.controlPlane - before.controlPlane).Seconds()
	step.Values[result.GitBytes] = float64(after.git.Bytes - before.git.Bytes)
	step.Values[result.GitRequests] = float64(after.git.Requests - before.git.Requests)
	return nil
}

// measured tells whether a user is one of the controllers.
func (e *Env) measured(user string) bool {
	for _, c := range e.controllers {
		if c.User() == user {
			return true
		}
	}
	return false
}

// perObject counts requests that are neither about whole kinds nor about the
// process itself.
func perObject(counts []audit.Count) float64 {
	var n float64
	for _, c := range counts {
		whole := c.Verb == "list" || c.Verb == "watch"
		itself := c.Resource == "leases" || strings.HasPrefix(c.Resource, "/")
		if !whole && !itself {
			n += c.Requests
		}
	}
	return n
}

// Whole sums up the steps of several environments of the same scenario: counters
// are added, of memory the highest counts.
func Whole(steps []result.Step) result.Step {
	whole := result.Step{Name: result.WholeRun, Values: map[result.Metric]float64{}}
	for _, step := range steps {
		for metric, value := range step.Values {
			switch {
			case strings.HasPrefix(string(metric), string(result.PeakOf(""))), strings.HasPrefix(string(metric), string(result.ResidentOf(""))):
				whole.Values[metric] = max(whole.Values[metric], value)
			case summed(metric):
				whole.Values[metric] += value
			}
		}
		whole.Requests = audit.Merge([][]audit.Count{whole.Requests, step.Requests}, func(n []float64) float64 { return n[0] + n[1] })
	}
	return whole
}

// summed tells whether a value may be added up over steps.
func summed(metric result.Metric) bool {
	times := []result.Metric{result.Settled, result.Live, result.PutBack, result.PutBackMedian, result.LiveP95, result.LiveMedian, result.Ratio}
	return !slices.Contains(times, metric)
}
