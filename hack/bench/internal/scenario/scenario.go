// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// part is work that gets a control plane and controllers of its own.
type part struct {
	name string
	run  func(context.Context, *env.Env) error
}

// ErrUnknown says that there is no such scenario.
var ErrUnknown = errors.New("unknown scenario")

// Names lists the scenarios in the order in which they are measured.
func Names() []string {
	return []string{result.Fanout, result.Chain, result.Wait, result.Monorepo}
}

// parts are those of a scenario.
func parts(scenario string) ([]part, error) {
	switch scenario {
	case result.Fanout:
		return []part{{scenario, fanout}}, nil
	case result.Chain:
		return []part{{scenario, chain}}, nil
	case result.Wait:
		return []part{{scenario, wait}, {scenario + "-sick", waitSick}}, nil
	case result.Monorepo:
		return []part{{scenario, monorepo}}, nil
	}
	return nil, fmt.Errorf("%w %q", ErrUnknown, scenario)
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
		o.Dir = filepath.Join(options.Dir, p.name)
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
