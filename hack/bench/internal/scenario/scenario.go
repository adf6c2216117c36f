// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/controllers"
)

// part is work that gets a control plane and controllers of its own.
type part struct {
	name string
	run  func(context.Context, *env.Env) error
	// with are the controllers that take part.
	with []string
}

// ErrUnknown says that there is no such scenario.
var ErrUnknown = errors.New("unknown scenario")

// Names lists the scenarios in the order in which they are measured.
func Names() []string {
	return result.Scenarios()
}

// parts are those of a scenario.
func parts(scenario string) ([]part, error) {
	apply := []string{controllers.Source, controllers.Kustomize}
	release := []string{controllers.Source, controllers.Helm}
	switch scenario {
	case result.Fanout:
		return []part{{scenario, fanout, apply}}, nil
	case result.Chain:
		return []part{{scenario, chain, apply}}, nil
	case result.Wait:
		return []part{{scenario, wait, apply}, {scenario + "-sick", waitSick, apply}}, nil
	case result.Monorepo:
		return []part{{scenario, monorepo, apply}}, nil
	case result.Helm:
		return []part{{scenario, releases, release}, {scenario + "-wait", releasesWait, release}}, nil
	case result.Push:
		return []part{{scenario, push, append(apply, controllers.Notification)}}, nil
	case result.Image:
		return []part{{scenario, image, []string{controllers.Source, controllers.Notification, controllers.Image}}}, nil
	}
	return nil, fmt.Errorf("%w %q", ErrUnknown, scenario)
}

// Controllers lists those that take part in any of the scenarios.
func Controllers(scenarios []string) []string {
	var names []string
	for _, s := range scenarios {
		all, err := parts(s)
		if err != nil {
			continue // Run says so
		}
		for _, p := range all {
			names = append(names, p.with...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Run measures a scenario once and returns the version of Kubernetes besides.
func Run(ctx context.Context, scenario string, options env.Options) (result.Run, string, error) {
	all, err := parts(scenario)
	if err != nil {
		return result.Run{}, "", err
	}
	var run result.Run
	var kubernetes string
	for _, p := range all {
		o := options
		o.Dir, o.Controllers = filepath.Join(options.Dir, p.name), p.with
		if o.Profiles != "" {
			o.Profiles = filepath.Join(o.Profiles, p.name)
		}
		steps, version, err := runPart(ctx, p, o)
		if err != nil {
			return result.Run{}, "", fmt.Errorf("%s: %w", p.name, err)
		}
		run.Steps, kubernetes = append(run.Steps, steps...), version
	}
	run.Steps = append(run.Steps, env.Whole(run.Steps))
	return run, kubernetes, nil
}

func runPart(ctx context.Context, p part, options env.Options) ([]result.Step, string, error) {
	e, err := env.Start(ctx, options)
	if err != nil {
		return nil, "", err
	}
	guarded, release := e.Guard(ctx)
	err = p.run(guarded, e)
	release()
	return e.Steps, e.Kubernetes, errors.Join(err, e.Stop(ctx))
}
