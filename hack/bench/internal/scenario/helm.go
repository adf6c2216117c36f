// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

func helmReleases() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}
}

// charts is a repository with one chart, and HelmReleases of it.
type charts struct {
	fleet.Chart
	env   *env.Env
	watch *observe.Watch
}

// release is what scenarios vary of a HelmRelease.
type release struct {
	name string
	wait bool
	sick bool
	// version is a value that ends in every object.
	version int
}

// sickRelease is how long a release that never gets ready is waited for: longer
// than all others need, so that it is in their way the whole time.
const sickRelease = time.Minute

func (r release) object() *unstructured.Unstructured {
	values := map[string]any{fleet.VersionKey: strconv.Itoa(r.version), "sick": r.sick}
	timeout := 5 * time.Minute
	if r.sick {
		timeout = sickRelease
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": helmReleases().GroupVersion().String(), "kind": "HelmRelease",
		"metadata": map[string]any{"name": r.name, "namespace": env.SystemNamespace},
		"spec": map[string]any{
			"interval": interval, "timeout": timeout.String(), "targetNamespace": fleet.Namespace, "releaseName": r.name,
			"install": map[string]any{"disableWait": !r.wait}, "upgrade": map[string]any{"disableWait": !r.wait},
			"chart": map[string]any{"spec": map[string]any{
				"chart": "./" + fleet.ChartPath, "interval": interval, "sourceRef": map[string]any{"kind": "GitRepository", "name": result.Helm},
			}},
			"values": values,
		},
	}}
}

// newCharts makes the repository and waits until its artifact is there.
func newCharts(ctx context.Context, e *env.Env, chart fleet.Chart) (*charts, error) {
	repo, err := e.Git.Create(ctx, result.Helm)
	if err != nil {
		return nil, err
	}
	commit, err := repo.Stage(ctx, "chart", chart.Files())
	if err != nil {
		return nil, err
	}
	if err := repo.Push(ctx, commit); err != nil {
		return nil, err
	}
	if err := follow(ctx, e, result.Helm, repo.URL, commit); err != nil {
		return nil, err
	}
	c := &charts{Chart: chart, env: e}
	c.watch, err = observe.Start(ctx, e.Client, observe.Scope{Resource: helmReleases(), Namespace: env.SystemNamespace})
	return c, err
}

// releases is 30 HelmReleases of 10 ConfigMaps each.
func releases(ctx context.Context, e *env.Env) error {
	c, err := newCharts(ctx, e, fleet.Chart{ConfigMaps: 10})
	if err != nil {
		return err
	}
	defer c.watch.Stop()
	all := named("release", 30, release{version: 1})
	if _, err := c.install(ctx, result.HelmInstall, all, all); err != nil {
		return err
	}
	if err := c.verify(ctx, all, 1); err != nil {
		return err
	}
	if err := c.force(ctx, all); err != nil {
		return err
	}
	return c.upgrade(ctx, all)
}

// releasesWait is releases whose pods have to get ready, with some that never do.
func releasesWait(ctx context.Context, e *env.Env) error {
	c, err := newCharts(ctx, e, fleet.Chart{ConfigMaps: 1, Deployment: true})
	if err != nil {
		return err
	}
	defer c.watch.Stop()
	few := named("few", 10, release{version: 1, wait: true})
	few[0].sick = true
	if _, err := c.install(ctx, result.HelmWait, few, few[1:]); err != nil {
		return err
	}
	if err := c.remove(ctx, few); err != nil {
		return err
	}
	for pair := range comparisons {
		if err := c.compare(ctx, pair); err != nil {
			return err
		}
	}
	return nil
}

// comparisons is how often releases are compared with the same ones beside sick
// ones. Either takes a few seconds, which differ by a tenth from one time to the
// next, and the sick ones add a ninth of work that nobody can save: one
// comparison alone says little.
const comparisons = 3

// compare measures releases alone and beside sick ones. What comes first has the
// emptier cluster, so that it is the one and the other in turn.
func (c *charts) compare(ctx context.Context, pair int) error {
	well := named(fmt.Sprintf("well-%d", pair), 54, release{version: 1, wait: true})
	others := named(fmt.Sprintf("other-%d", pair), 54, release{version: 1, wait: true})
	sick := named(fmt.Sprintf("sick-%d", pair), 6, release{version: 1, wait: true, sick: true})
	// The sick ones come first and hold what can be held.
	beside := slices.Concat(sick, others)
	took := map[string]time.Duration{}
	steps := []struct {
		name         string
		all, awaited []release
	}{{result.HelmWell, well, well}, {result.HelmSick, beside, others}}
	if pair%2 == 1 {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		var err error
		if took[step.name], err = c.install(ctx, step.name, step.all, step.awaited); err != nil {
			return err
		}
		if err := c.remove(ctx, step.all); err != nil {
			return err
		}
	}
	if took[result.HelmWell] == 0 || took[result.HelmSick] == 0 {
		return nil
	}
	for i := range slices.Backward(c.env.Steps) {
		if c.env.Steps[i].Name == result.HelmSick {
			c.env.Steps[i].Values[result.Ratio] = took[result.HelmSick].Seconds() / took[result.HelmWell].Seconds()
			break
		}
	}
	return nil
}

// removeTimeout bounds the wait until releases are gone, which is not measured.
// An implementation may end the wait for a sick release before it looks at its
// deletion, and wait for the sick ones in more than one wave.
const removeTimeout = 3 * sickRelease

// remove deletes releases and waits until nothing of them is left, pods included.
func (c *charts) remove(ctx context.Context, list []release) error {
	names := map[string]bool{}
	for _, r := range list {
		names[r.name] = true
		if err := system(c.env, helmReleases()).Delete(ctx, r.name, metav1.DeleteOptions{}); err != nil {
			return fmt.Errorf("delete HelmRelease: %w", err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, removeTimeout, fmt.Errorf("not within %s", removeTimeout))
	defer cancel()
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		left, err := c.left(ctx, names)
		if err == nil && !left {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until HelmReleases are gone: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// left tells whether something of releases is there.
func (c *charts) left(ctx context.Context, names map[string]bool) (bool, error) {
	pods := c.env.Client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(fleet.Namespace)
	for _, objects := range []dynamic.ResourceInterface{system(c.env, helmReleases()), pods} {
		list, err := objects.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, o := range list.Items {
			if names[o.GetName()] || names[o.GetLabels()[fleet.AppLabel]] {
				return true, nil
			}
		}
	}
	return false, nil
}

// lookInterval is how often that is looked at.
const lookInterval = 200 * time.Millisecond

// named makes n releases like the given one.
func named(prefix string, n int, like release) []release {
	list := make([]release, n)
	for i := range list {
		list[i] = like
		list[i].name = fmt.Sprintf("%s-%02d", prefix, i)
	}
	return list
}

// install measures creating releases until some of them are ready, and returns
// how long that took, 0 if they did not get there.
func (c *charts) install(ctx context.Context, step string, all, awaited []release) (took time.Duration, err error) {
	err = c.env.Step(ctx, step, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		group, creating := errgroup.WithContext(ctx)
		group.SetLimit(writers)
		for _, r := range all {
			group.Go(func() error {
				_, err := system(c.env, helmReleases()).Create(creating, r.object(), metav1.CreateOptions{})
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("create HelmReleases: %w", err)
		}
		if err := settle(ctx, c.watch, installed(awaited), start, s); err != nil {
			return err
		}
		took = time.Duration(s.Values[result.Settled] * float64(time.Second))
		return nil
	})
	return took, err
}

// installed is the goal that releases are ready.
func installed(list []release) observe.Goal {
	goal := observe.Goal{What: "HelmReleases to be ready", Reached: observe.Ready}
	for _, r := range list {
		goal.Names = append(goal.Names, r.name)
	}
	return goal
}

// force asks for all releases while nothing has changed.
func (c *charts) force(ctx context.Context, all []release) error {
	goal := installed(all)
	return c.env.Step(ctx, result.Forced, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		token, err := request(ctx, c.env, helmReleases(), goal.Names...)
		if err != nil {
			return err
		}
		goal.Reached = func(o *unstructured.Unstructured) bool {
			return observe.Field(o, "status", "lastHandledReconcileAt") == token && observe.Ready(o)
		}
		return settle(ctx, c.watch, goal, start, s)
	})
}

// upgrade gives all releases another value.
func (c *charts) upgrade(ctx context.Context, all []release) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"values": map[string]any{fleet.VersionKey: "2"}}})
	if err != nil {
		return fmt.Errorf("make patch: %w", err)
	}
	err = c.env.Step(ctx, result.HelmUpgrade, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		group, patching := errgroup.WithContext(ctx)
		group.SetLimit(writers)
		for _, r := range all {
			group.Go(func() error {
				_, err := system(c.env, helmReleases()).Patch(patching, r.name, types.MergePatchType, patch, metav1.PatchOptions{})
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("change values: %w", err)
		}
		goal := installed(all)
		goal.Reached = func(o *unstructured.Unstructured) bool { return observe.Ready(o) && o.GetGeneration() > 1 }
		return settle(ctx, c.watch, goal, start, s)
	})
	if err != nil {
		return err
	}
	return c.verify(ctx, all, 2)
}

// verify checks that the objects of the releases are of a version.
func (c *charts) verify(ctx context.Context, all []release, version int) error {
	list, err := c.env.Client.Resource(configMaps()).Namespace(fleet.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("verify objects: %w", err)
	}
	live := map[string]string{}
	for _, o := range list.Items {
		live[o.GetName()] = observe.Field(&o, "data", fleet.VersionKey)
	}
	for _, r := range all {
		for k := range c.ConfigMaps {
			name := c.ConfigMap(r.name, k)
			if want := strconv.Itoa(version); live[name] != want {
				return fmt.Errorf("%w: ConfigMap %s has version %q, its release %q", errWrong, name, live[name], want)
			}
		}
	}
	return nil
}
