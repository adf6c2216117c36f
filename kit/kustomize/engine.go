// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"math"
	"time"

	"golang.org/x/sync/semaphore"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// schemaGate guards the OpenAPI schema of kyaml, which is one per process and may only be changed
// while nobody reads it. Any build may hang at a remote base for long, so that nobody queues for the
// gate alone for longer than a moment: those behind would hang as well.
type schemaGate struct {
	users  *semaphore.Weighted
	loners *semaphore.Weighted // at most one waits to be alone
	loaded bool                // changed only by a lone user
}

// all is the weight of a lone user.
const all = math.MaxInt64

// Who wants to be alone keeps others from entering for at most courtesy, which is longer than most
// builds take, and lets them pass for a few times as long before it tries again.
const (
	courtesy = time.Second
	passage  = 3 * courtesy
)

// gate is a package variable because what it guards is one of another package.
var gate = newSchemaGate() //nolint:gochecknoglobals // see above

func newSchemaGate() *schemaGate {
	return &schemaGate{users: semaphore.NewWeighted(all), loners: semaphore.NewWeighted(1)}
}

// shared runs work beside others, with the built-in schema.
func (g *schemaGate) shared(ctx context.Context, work func()) error {
	for {
		if err := g.users.Acquire(ctx, 1); err != nil {
			return err
		}
		if g.loaded {
			break
		}
		g.users.Release(1)
		if err := g.load(ctx); err != nil {
			return err
		}
	}
	defer g.users.Release(1)
	work()
	return nil
}

// load parses the built-in schema, which takes a while, unless somebody else did meanwhile. Left to the
// engine, it would be parsed when first needed, with other builds reading it.
func (g *schemaGate) load(ctx context.Context) error {
	// Without queueing: by now somebody may have loaded it and hang.
	if !g.users.TryAcquire(all) {
		return pause(ctx, time.Millisecond)
	}
	defer g.users.Release(all)
	if !g.loaded {
		openapi.ResetOpenAPI()
		openapi.Schema()
		g.loaded = true
	}
	return nil
}

// alone runs work with nobody beside it, on top of the built-in schema, and forgets what it did to
// the schema.
func (g *schemaGate) alone(ctx context.Context, work func()) error {
	if err := g.empty(ctx); err != nil {
		return err
	}
	defer g.users.Release(all)
	openapi.ResetOpenAPI()
	openapi.Schema()
	defer openapi.ResetOpenAPI()
	g.loaded = false
	work()
	return nil
}

// empty waits until nobody uses the gate and takes it.
func (g *schemaGate) empty(ctx context.Context) error {
	if err := g.loners.Acquire(ctx, 1); err != nil {
		return err
	}
	defer g.loners.Release(1)
	for {
		moment, cancel := context.WithTimeout(ctx, courtesy)
		err := g.users.Acquire(moment, all)
		cancel()
		if err == nil {
			return nil
		}
		if err := pause(ctx, passage); err != nil {
			return err
		}
	}
}

// pause waits unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// render runs the engine.
func render(fs filesys.FileSystem, dir string) (resmap.ResMap, error) {
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(fs, outside(dir))
}
