// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// sickTimeout is how long a Kustomization waits for health. A worker that is
// parked for that long holds up the others far beyond the figures.
const sickTimeout = "1m"

// chain is 10 Kustomizations of which each waits for the one before.
func chain(ctx context.Context, e *env.Env) error {
	a, err := newApps(ctx, e, result.Chain, fleet.Fleet{Apps: 10, ConfigMaps: 1, Deployment: true})
	if err != nil {
		return err
	}
	defer a.watch.Stop()
	err = a.first(ctx, result.FirstApply, a.kustomizations(func(i int, k *kustomization) {
		k.wait = true
		if i > 0 {
			k.dependsOn = a.Name(i - 1)
		}
	}))
	if err != nil {
		return err
	}
	return a.change(ctx, result.ChangeAll)
}

// wait is 100 applications whose pods have to get ready.
func wait(ctx context.Context, e *env.Env) error {
	a, err := newApps(ctx, e, result.Wait, fleet.Fleet{Apps: 100, ConfigMaps: 3, Deployment: true})
	if err != nil {
		return err
	}
	defer a.watch.Stop()
	err = a.first(ctx, result.FirstApply, a.kustomizations(func(_ int, k *kustomization) { k.wait = true }))
	if err != nil {
		return err
	}
	return a.change(ctx, result.ChangeAll)
}

// waitSick is 40 such applications, 6 of which never get healthy; the 34 others
// must not feel it.
func waitSick(ctx context.Context, e *env.Env) error {
	a, err := newApps(ctx, e, result.Wait, fleet.Fleet{Apps: 40, ConfigMaps: 3, Deployment: true, Sick: 6})
	if err != nil {
		return err
	}
	defer a.watch.Stop()
	err = a.first(ctx, result.SickFirst, a.kustomizations(func(_ int, k *kustomization) {
		k.wait, k.timeout = true, sickTimeout
	}))
	if err != nil {
		return err
	}
	return a.change(ctx, result.SickChange)
}
