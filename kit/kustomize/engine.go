// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"math"

	"golang.org/x/sync/semaphore"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// schemaGate guards the OpenAPI schema of kyaml, which is one per process and may only be changed
// while nobody reads it.
type schemaGate struct {
	users  *semaphore.Weighted
	loaded bool // changed only by a lone user
}

// all is the weight of a lone user.
const all = math.MaxInt64

// gate is a package variable because what it guards is one of another package.
var gate = &schemaGate{users: semaphore.NewWeighted(all)} //nolint:gochecknoglobals // see above

// shared runs work beside others, with the built-in schema.
func (g *schemaGate) shared(ctx context.Context, work func()) error {
	if err := g.users.Acquire(ctx, 1); err != nil {
		return err
	}
	for !g.loaded {
		g.users.Release(1)
		if err := g.load(ctx); err != nil {
			return err
		}
		if err := g.users.Acquire(ctx, 1); err != nil {
			return err
		}
	}
	defer g.users.Release(1)
	work()
	return nil
}

// load parses the built-in schema, which takes a while. Left to the engine, it would be parsed when
// first needed, with other builds reading it.
func (g *schemaGate) load(ctx context.Context) error {
	if err := g.users.Acquire(ctx, all); err != nil {
		return err
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
	if err := g.users.Acquire(ctx, all); err != nil {
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

// render runs the engine.
func render(v *view, dir string) (resmap.ResMap, error) {
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(v, outside(dir))
}
