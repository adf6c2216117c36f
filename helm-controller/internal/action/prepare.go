// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/render"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/helm-controller/internal/schema"
	"github.com/weir-gitops/weir/kit/helmchart"
)

// plan is a chart that is ready to be installed.
type plan struct {
	chart  *chart.Chart
	values map[string]any
	out    *render.Output
}

// preparation says how a chart is prepared.
type preparation struct {
	chart      *chart.Chart
	values     map[string]any
	crds       helmv2.CRDsPolicy
	skipSchema bool
	timeout    time.Duration
	release    chartutil.ReleaseOptions
}

// prepare applies the definitions that a chart brings, and renders it.
func (a *run) prepare(ctx context.Context, p preparation) (*plan, error) {
	if err := helmchart.ProcessDependencies(p.chart, p.values); err != nil {
		return nil, err
	}
	files := p.chart.CRDObjects()
	for _, f := range files {
		if err := helmchart.CheckExpansion(f.File.Data); err != nil {
			return nil, fmt.Errorf("YAML parse error on %s: %w", f.Filename, err)
		}
		a.crds = append(a.crds, f.File.Data)
	}
	// What cannot be listed is told when the inventory is made.
	if listed, _, err := release.Inventory(release.InventoryInput{CRDs: a.crds, Namespace: a.Namespace, Namespaced: release.Scopes(a.Clients.Mapper)}); err == nil {
		a.writes.Intent.Definitions = listed.Entries
	}
	changed, err := a.applyCRDs(ctx, p.crds, files)
	if err != nil {
		return nil, fmt.Errorf("failed to apply CustomResourceDefinitions: %w", err)
	}
	if changed {
		a.Clients.Mapper.Reset()
		a.runner.Cluster.KindsChanged()
	}
	if a.config.Capabilities, err = a.runner.Cluster.Capabilities(ctx); err != nil {
		return nil, err
	}
	if !p.skipSchema {
		if err := schema.Check(ctx, p.chart, p.values, func(download func()) { a.idle(ctx, download) }); err != nil {
			return nil, err
		}
	}
	out, err := render.Render(ctx, render.Input{
		Chart: p.chart, Values: p.values, Release: p.release, Capabilities: a.config.Capabilities,
		EnableDNS: a.runner.AllowDNS, Clients: a.Clients,
		Post: render.PostRender{
			Strategy: a.runner.postRenderStrategy(a.Object), Renderers: a.Object.Spec.PostRenderers,
			Metadata: a.Object.Spec.CommonMetadata, Owner: a.owner(),
		},
		Keeper:  a.runner.Keeper,
		Subject: apart.Subject{Owner: a.owner(), UID: a.Object.UID, Chart: p.chart.Metadata.Name + "@" + p.chart.Metadata.Version},
		Bounds:  apart.Bounds{Time: p.timeout, Slot: a.Slot},
	})
	if err != nil {
		return nil, err
	}
	done := &plan{chart: p.chart, values: p.values, out: out}
	a.writes.BeforeCreate = done.complete
	a.store(ctx)
	return done, nil
}

// idle does work that waits for others without holding the place of a worker. When ctx ends meanwhile the place is not taken again, and the action over.
func (a *run) idle(ctx context.Context, work func()) {
	if a.Slot == nil {
		work()
		return
	}
	a.Slot.Release()
	defer func() { _ = a.Slot.Acquire(ctx) }() // its only error is that of ctx, which whoever asked for the work sees, too
	work()
}

func (r *Runner) postRenderStrategy(obj *helmv2.HelmRelease) helmv2.PostRenderStrategy {
	switch {
	case obj.Spec.PostRenderStrategy != "":
		return obj.Spec.PostRenderStrategy
	case r.Helm3Defaults:
		return helmv2.PostRenderNoHooks
	default:
		return helmv2.PostRenderCombined
	}
}

// bare is the chart that Helm gets to see: nothing in it is left to be rendered.
func (p *plan) bare() *chart.Chart { return &chart.Chart{Metadata: p.chart.Metadata} }

// Run implements postrender.PostRenderer: whatever Helm rendered, this is the manifest.
func (p *plan) Run(*bytes.Buffer) (*bytes.Buffer, error) {
	return bytes.NewBufferString(p.out.Manifest), nil
}

// complete makes the revision that Helm is about to store, and works with from then on, the one of the chart.
func (p *plan) complete(rls *helmrelease.Release) error {
	rls.Chart, rls.Hooks, rls.Info.Notes = p.chart, p.out.Hooks, p.out.Notes
	return nil
}
