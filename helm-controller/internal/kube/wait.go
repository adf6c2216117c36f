// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	helmkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/weir-gitops/weir/kit/apply"
)

// ErrSuperseded says that a wait for health was ended because a newer change made it worthless.
var ErrSuperseded = errors.New("wait canceled by a newer change")

// lastLook bounds the look at what was waited for when there was no time for any.
const lastLook = 10 * time.Second

// idle runs a wait without holding the place of a worker.
func (c *Client) idle(action context.Context, timeout time.Duration, wait func(context.Context) error) (err error) {
	if c.Slot != nil {
		c.Slot.Release()
		defer func() { // also after a panic: the action goes on (see Guarded)
			if acquireErr := c.Slot.Acquire(action); acquireErr != nil {
				err = errors.Join(err, fmt.Errorf("resume: %w", acquireErr))
			}
		}()
	}
	ctx, cancel := context.WithTimeout(action, timeout)
	defer cancel()
	return wait(ctx)
}

// Wait implements kube.Interface. A Job need only have begun.
func (c *Client) Wait(list helmkube.ResourceList, timeout time.Duration) error {
	return c.await(c.ctx(), list, timeout, false)
}

// WaitWithJobs implements kube.Interface. Jobs have to be complete.
func (c *Client) WaitWithJobs(list helmkube.ResourceList, timeout time.Duration) error {
	return c.await(c.ctx(), list, timeout, true)
}

func (c *Client) await(ctx context.Context, list helmkube.ResourceList, timeout time.Duration, jobs bool) error {
	if c.Legacy {
		return c.idle(ctx, timeout, func(ctx context.Context) error { return c.pollReady(ctx, list, jobs) })
	}
	set := apply.HealthSet{Exprs: c.Exprs, FailFast: true}
	if !jobs {
		set.Exprs = set.Exprs.Default(schema.GroupKind{Group: "batch", Kind: "Job"}, "started", judgeStarted)
	}
	var awaited []apply.Tracked
	for _, info := range list {
		if isPaused(info) || !set.Exprs.Covers(info.Mapping.GroupVersionKind.GroupKind()) && apply.IsStatic(info.Mapping.GroupVersionKind.GroupKind()) {
			continue // what was just written exists
		}
		entry := entryOf(info)
		set.Entries = append(set.Entries, entry)
		if vanishes(info) {
			set.TTLJobs = append(set.TTLJobs, entry.ID)
		}
		c.mu.Lock()
		if t, ok := c.tracked[keyOf(info)]; ok {
			awaited = append(awaited, t)
		}
		c.mu.Unlock()
	}
	if len(set.Entries) == 0 {
		return nil
	}
	c.Log("beginning wait for %d resources with timeout of %v", len(set.Entries), timeout)
	c.cluster.engine.Track(clientsOf(c.Clients), c.owner(), awaited, false)
	return c.idle(ctx, timeout, func(ctx context.Context) error { return c.watchHealth(ctx, set, c.Superseded) })
}

// owner is the HelmRelease in the words of the watches.
func (c *Client) owner() apply.Owner { return apply.Owner(c.Owner) }

func entryOf(info *resource.Info) apply.Entry {
	return apply.NewEntry(info.Mapping.GroupVersionKind, info.Namespace, info.Name)
}

// isPaused tells a Deployment that makes no progress because it was told so.
func isPaused(info *resource.Info) bool {
	u, ok := info.Object.(*unstructured.Unstructured)
	if !ok || info.Mapping.GroupVersionKind.GroupKind() != (schema.GroupKind{Group: "apps", Kind: "Deployment"}) {
		return false
	}
	paused, _, err := unstructured.NestedBool(u.Object, "spec", "paused")
	return err == nil && paused
}

// judgeStarted is the health of a Job that need not be complete.
func judgeStarted(u *unstructured.Unstructured) *status.Result {
	res, err := status.Compute(u)
	if err != nil {
		return &status.Result{Status: status.UnknownStatus, Message: err.Error()}
	}
	return res
}

// judgeDone is the health of a Pod that is a hook.
func judgeDone(u *unstructured.Unstructured) *status.Result {
	phase, _, err := unstructured.NestedString(u.Object, "status", "phase")
	switch {
	case err != nil:
		return &status.Result{Status: status.UnknownStatus, Message: err.Error()}
	case phase == "Succeeded":
		return &status.Result{Status: status.CurrentStatus}
	case phase == "Failed":
		return &status.Result{Status: status.FailedStatus}
	default:
		return &status.Result{Status: status.InProgressStatus}
	}
}

// watchHealth waits until a set is healthy, cannot become so, or time is up. The watches say when to look.
func (c *Client) watchHealth(ctx context.Context, set apply.HealthSet, superseded <-chan struct{}) error {
	told, done := c.cluster.expect(c.owner())
	defer done()
	defer c.forgetHealth(ctx)
	var h apply.Health
	for {
		now, err := c.cluster.engine.Health(ctx, clientsOf(c.Clients), c.owner(), set)
		switch {
		case ctx.Err() != nil:
			return c.timedOut(ctx, h, set)
		case err != nil:
			return err
		case now.AllCurrent():
			return nil
		case now.Terminal(set.FailFast):
			return now.Err(false)
		}
		h = now
		select {
		case <-told:
		case <-after(h.Recheck):
		case <-superseded:
			return ErrSuperseded
		case <-ctx.Done():
			return c.timedOut(ctx, h, set)
		}
	}
}

// timedOut tells why a wait ended without a result: its time is up, or the action ends. A wait whose time did not suffice for one look has that now.
func (c *Client) timedOut(ctx context.Context, last apply.Health, set apply.HealthSet) error {
	if err := c.ended(); err != nil {
		return err
	}
	if last.AllCurrent() {
		now, cancel := context.WithTimeout(c.ctx(), lastLook)
		defer cancel()
		var err error
		last, err = c.cluster.engine.Health(now, clientsOf(c.Clients), c.owner(), set) //nolint:contextcheck // ctx is over, the action is not
		if err == nil && last.AllCurrent() {
			return nil
		}
	}
	if err := last.Err(true); err != nil {
		return err
	}
	return fmt.Errorf("timeout waiting for %d resource(s): %w", len(set.Entries), ctx.Err())
}

// forgetHealth ends the interest of the watches in what was awaited.
func (c *Client) forgetHealth(ctx context.Context) {
	// An empty set is healthy at once; this sends no request, so that the end of ctx does not matter.
	_, _ = c.cluster.engine.Health(context.WithoutCancel(ctx), clientsOf(c.Clients), c.owner(), apply.HealthSet{})
}

// after is time.After, but never for 0.
func after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.After(d)
}

// WatchUntilReady implements kube.Interface: it waits for hooks. Jobs have to be complete, Pods to succeed; all else is ready.
func (c *Client) WatchUntilReady(list helmkube.ResourceList, timeout time.Duration) error {
	if len(list) == 0 {
		return helmkube.ErrNoObjectsVisited
	}
	if c.Legacy {
		return c.idle(c.ctx(), timeout, func(ctx context.Context) error { return c.watchDone(ctx, list) })
	}
	pod := schema.GroupKind{Kind: "Pod"}
	// A failure does not end the wait for others; where there are none, nothing can change any more.
	set := apply.HealthSet{Exprs: c.Exprs.Default(pod, "succeeded", judgeDone)}
	for _, info := range list {
		gk := info.Mapping.GroupVersionKind.GroupKind()
		if !isJob(info) && gk != pod && !c.Exprs.Covers(gk) {
			continue
		}
		entry := entryOf(info)
		set.Entries = append(set.Entries, entry)
		if vanishes(info) {
			set.TTLJobs = append(set.TTLJobs, entry.ID)
		}
	}
	if len(set.Entries) == 0 {
		return nil
	}
	return c.idle(c.ctx(), timeout, func(ctx context.Context) error { return c.watchHealth(ctx, set, nil) })
}
