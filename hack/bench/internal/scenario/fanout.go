// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

const (
	// edits is how many objects are edited by hand, each in another application.
	edits = 5
	// putBackTimeout is how long an edit may live before it counts as kept.
	putBackTimeout = 15 * time.Second
	// oneApp is the application that changes alone.
	oneApp = 50
)

// fanout is 100 Kustomizations of 10 ConfigMaps each from one repository.
func fanout(ctx context.Context, e *env.Env) error {
	a, err := newApps(ctx, e, result.Fanout, fleet.Fleet{Apps: 100, ConfigMaps: 10})
	if err != nil {
		return err
	}
	defer a.watch.Stop()
	steps := []func(context.Context) error{
		func(ctx context.Context) error {
			return a.first(ctx, result.FirstApply, a.kustomizations(func(int, *kustomization) {}))
		},
		func(ctx context.Context) error { return a.change(ctx, result.ChangeAll) },
		a.changeOne, a.force, a.editByHand, a.rest,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// changeOne pushes a change of all objects of one application.
func (a *apps) changeOne(ctx context.Context) error {
	if err := a.stageOne(ctx, oneApp); err != nil {
		return err
	}
	objects, err := observe.Start(ctx, a.env.Client, observe.Scope{
		Resource: configMaps(), Namespace: fleet.Namespace, Labels: fleet.AppLabel + "=" + a.Name(oneApp),
	})
	if err != nil {
		return err
	}
	defer objects.Stop()
	live := observe.Goal{What: "the changed objects", Reached: hasVersion(a.version)}
	for k := range a.ConfigMaps {
		live.Names = append(live.Names, a.ConfigMap(oneApp, k))
	}
	return a.verified(ctx, result.ChangeOne, func(ctx context.Context, s *result.Step) error {
		untilLive := objects.Expect(live)
		start := time.Now()
		if err := a.push(ctx); err != nil {
			return err
		}
		seen, err := untilLive(ctx)
		if err != nil {
			return err
		}
		s.Values[result.Live] = seen.Sub(start).Seconds()
		return settle(ctx, a.watch, applied(a.commit, a.names(false)), start, s)
	})
}

// force asks for all Kustomizations while nothing has changed.
func (a *apps) force(ctx context.Context) error {
	return a.env.Step(ctx, result.Forced, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		token, err := request(ctx, a.env, kustomizations(), a.names(false)...)
		if err != nil {
			return err
		}
		return settle(ctx, a.watch, observe.Goal{
			What: "Kustomizations to answer", Names: a.names(false),
			Reached: func(o *unstructured.Unstructured) bool {
				return observe.Field(o, "status", "lastHandledReconcileAt") == token && observe.Ready(o)
			},
		}, start, s)
	})
}

// editByHand changes a live object in each of some applications, one after the
// other, and measures until it is put back.
func (a *apps) editByHand(ctx context.Context) error {
	objects, err := observe.Start(ctx, a.env.Client, observe.Scope{Resource: configMaps(), Namespace: fleet.Namespace})
	if err != nil {
		return err
	}
	defer objects.Stop()
	return a.env.Step(ctx, result.HandEdit, func(ctx context.Context, s *result.Step) error {
		var times []float64
		for n := range edits {
			took, err := a.edit(ctx, objects, n*a.Apps/edits)
			if err != nil {
				return err
			}
			times = append(times, took.Seconds())
		}
		s.Values[result.PutBack], s.Values[result.PutBackMedian] = slices.Max(times), result.Median(times)
		return nil
	})
}

// edit changes the first ConfigMap of application i and returns how long the
// change lived.
func (a *apps) edit(ctx context.Context, objects *observe.Watch, i int) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, putBackTimeout, fmt.Errorf("%w in %s", env.ErrMissed, putBackTimeout))
	defer cancel()
	patch, err := json.Marshal(map[string]any{"data": map[string]any{fleet.VersionKey: "edited by hand"}})
	if err != nil {
		return 0, fmt.Errorf("make edit: %w", err)
	}
	start, name := time.Now(), a.ConfigMap(i, 0)
	edited, err := a.env.Client.Resource(configMaps()).Namespace(fleet.Namespace).
		Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		return 0, fmt.Errorf("edit ConfigMap %s: %w", name, err)
	}
	reached, err := objects.Until(ctx, observe.Goal{
		What: "an edit by hand to be put back", Names: []string{name},
		Reached: func(o *unstructured.Unstructured) bool {
			return version(o) > version(edited) && observe.Field(o, "data", fleet.VersionKey) != "edited by hand"
		},
	})
	return reached.Sub(start), err
}

// rest watches the controllers while there is nothing to do, if asked for.
func (a *apps) rest(ctx context.Context) error {
	if a.env.Idle() == 0 {
		return nil
	}
	return a.env.Step(ctx, result.Idle, func(ctx context.Context, _ *result.Step) error {
		select {
		case <-time.After(a.env.Idle()):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// version orders the states of an object (Kubernetes: resource versions of the
// same resource are comparable numbers since v1.35).
func version(o *unstructured.Unstructured) uint64 {
	n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// hasVersion tells whether a ConfigMap is of a version.
func hasVersion(version int) func(*unstructured.Unstructured) bool {
	want := strconv.Itoa(version)
	return func(o *unstructured.Unstructured) bool { return observe.Field(o, "data", fleet.VersionKey) == want }
}
