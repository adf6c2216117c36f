// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"iter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/gitrepo"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// apps is a fleet in a repository, with a GitRepository for it and a
// Kustomization for each application.
type apps struct {
	fleet.Fleet
	env  *env.Env
	name string
	repo *gitrepo.Repo
	// version is the last one that was staged, commit its hash.
	version int
	commit  string
	// watch follows the Kustomizations.
	watch *observe.Watch
}

// newApps makes the repository with version 1 of all applications and waits
// until its artifact is there, so that steps measure the applications alone.
func newApps(ctx context.Context, e *env.Env, name string, f fleet.Fleet) (*apps, error) {
	a := &apps{Fleet: f, env: e, name: name}
	repo, url, err := e.NewRepo(ctx, name)
	if err != nil {
		return nil, err
	}
	a.repo = repo
	if err := a.stage(ctx, f.All(1), 1); err != nil {
		return nil, err
	}
	if err := a.repo.Push(ctx, a.commit); err != nil {
		return nil, err
	}
	source, err := observe.Start(ctx, e.Client, observe.Scope{Resource: gitRepositories(), Namespace: env.SystemNamespace})
	if err != nil {
		return nil, err
	}
	defer source.Stop()
	if _, err := system(e, gitRepositories()).Create(ctx, gitRepository(name, url), metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("create GitRepository: %w", err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, sourceTimeout, fmt.Errorf("not there in %s", sourceTimeout))
	defer cancel()
	if _, err := source.Until(limited, stored(a.commit, name)); err != nil {
		return nil, err
	}
	a.watch, err = observe.Start(ctx, e.Client, observe.Scope{Resource: kustomizations(), Namespace: env.SystemNamespace})
	return a, err
}

// sourceTimeout bounds the wait for the first artifact, which is not measured.
const sourceTimeout = 2 * time.Minute

// stage makes a commit that is not pushed yet.
func (a *apps) stage(ctx context.Context, files iter.Seq[gitrepo.File], version int) error {
	commit, err := a.repo.Stage(ctx, fmt.Sprintf("version %d", version), files)
	a.commit, a.version = commit, version
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
	return a.env.Step(ctx, step, func(ctx context.Context, s *result.Step) error {
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
	if err := a.stage(ctx, a.All(a.version+1), a.version+1); err != nil {
		return err
	}
	return a.env.Step(ctx, step, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		if err := a.push(ctx); err != nil {
			return err
		}
		return settle(ctx, a.watch, applied(a.commit, a.names(true)), start, s)
	})
}

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
