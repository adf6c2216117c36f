// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// apps is a fleet in a repository, with a GitRepository for it and a
// Kustomization for each application.
type apps struct {
	fleet.Fleet
	env  *env.Env
	name string
	repo *gitserver.Repository
	// version is the last one that was staged, commit its hash.
	version int
	commit  string
	// versions are those of the applications at that commit.
	versions []int
	// watch follows the Kustomizations.
	watch *observe.Watch
}

// newApps makes the repository with version 1 of all applications and waits
// until its artifact is there, so that steps measure the applications alone.
func newApps(ctx context.Context, e *env.Env, name string, f fleet.Fleet) (*apps, error) {
	a := &apps{Fleet: f, env: e, name: name, versions: make([]int, f.Apps)}
	repo, err := e.Git.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	a.repo = repo
	if err := a.stageAll(ctx); err != nil {
		return nil, err
	}
	if err := a.repo.Push(ctx, a.commit); err != nil {
		return nil, err
	}
	if err := follow(ctx, e, name, repo.URL, a.commit); err != nil {
		return nil, err
	}
	a.watch, err = observe.Start(ctx, e.Client, observe.Scope{Resource: kustomizations(), Namespace: env.SystemNamespace})
	return a, err
}

// follow makes a GitRepository and waits until it has an artifact of the commit.
func follow(ctx context.Context, e *env.Env, name, url, commit string) error {
	source, err := observe.Start(ctx, e.Client, observe.Scope{Resource: gitRepositories(), Namespace: env.SystemNamespace})
	if err != nil {
		return err
	}
	defer source.Stop()
	if _, err := system(e, gitRepositories()).Create(ctx, gitRepository(name, url), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create GitRepository: %w", err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, sourceTimeout, fmt.Errorf("not there in %s", sourceTimeout))
	defer cancel()
	_, err = source.Until(limited, stored(commit, name))
	return err
}

// sourceTimeout bounds the wait for the first artifact, which is not measured.
const sourceTimeout = 2 * time.Minute

// stageAll makes a commit of the next version of all applications, which is not
// pushed yet.
func (a *apps) stageAll(ctx context.Context) error {
	for i := range a.versions {
		a.versions[i] = a.version + 1
	}
	return a.stage(ctx, a.All(a.version+1))
}

// stageOne does the same for application i alone.
func (a *apps) stageOne(ctx context.Context, i int) error {
	a.versions[i] = a.version + 1
	return a.stage(ctx, a.App(i, a.version+1))
}

func (a *apps) stage(ctx context.Context, files iter.Seq[gitserver.File]) error {
	a.version++
	commit, err := a.repo.Stage(ctx, fmt.Sprintf("version %d", a.version), files)
	a.commit = commit
	return err
}

// push moves the branch to what was staged and tells the GitRepository, as a
// webhook would.
func (a *apps) push(ctx context.Context) error {
	if err := a.repo.Push(ctx, a.commit); err != nil {
		return err
	}
	_, err := request(ctx, a.env, gitRepositories(), a.name)
	return err
}

// names are those of all Kustomizations, or of those that get healthy.
func (a *apps) names(healthyOnly bool) []string {
	var names []string
	for i := range a.Apps {
		if !healthyOnly || !a.IsSick(i) {
			names = append(names, a.Name(i))
		}
	}
	return names
}

// first measures creating the Kustomizations until the healthy ones are ready.
func (a *apps) first(ctx context.Context, step string, objects []kustomization) error {
	return a.verified(ctx, step, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		if err := createAll(ctx, a.env, objects); err != nil {
			return err
		}
		return settle(ctx, a.watch, applied(a.commit, a.names(true)), start, s)
	})
}

// change measures a push that changes all applications until the healthy ones
// are ready at it.
func (a *apps) change(ctx context.Context, step string) error {
	if err := a.stageAll(ctx); err != nil {
		return err
	}
	return a.verified(ctx, step, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		if err := a.push(ctx); err != nil {
			return err
		}
		return settle(ctx, a.watch, applied(a.commit, a.names(true)), start, s)
	})
}

// verified measures a step and checks after it that the objects of the healthy
// applications are what Git says. Ready alone could be said by anybody.
func (a *apps) verified(ctx context.Context, step string, work func(context.Context, *result.Step) error) error {
	if err := a.env.Step(ctx, step, work); err != nil {
		return err
	}
	list, err := a.env.Client.Resource(configMaps()).Namespace(fleet.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("%s: verify objects: %w", step, err)
	}
	live := map[string]string{}
	for _, o := range list.Items {
		live[o.GetName()] = observe.Field(&o, "data", fleet.VersionKey)
	}
	for i, version := range a.versions {
		for k := range a.ConfigMaps {
			name := a.ConfigMap(i, k)
			if want := strconv.Itoa(version); live[name] != want && !a.IsSick(i) {
				return fmt.Errorf("%s: %w: ConfigMap %s has version %q, Git has %q", step, errWrong, name, live[name], want)
			}
		}
	}
	return nil
}

// errWrong says that a controller reported success without it.
var errWrong = errors.New("reported as done, but is not")

// settle waits for a goal and notes how long it took since the start.
func settle(ctx context.Context, w *observe.Watch, goal observe.Goal, start time.Time, s *result.Step) error {
	reached, err := w.Until(ctx, goal)
	if err != nil {
		return err
	}
	s.Values[result.Settled] = reached.Sub(start).Seconds()
	return nil
}

// kustomizations are those for all applications.
func (a *apps) kustomizations(set func(i int, k *kustomization)) []kustomization {
	var list []kustomization
	for i := range a.Apps {
		k := kustomization{name: a.Name(i), path: a.Path(i), source: a.name, timeout: "5m"}
		set(i, &k)
		list = append(list, k)
	}
	return list
}
