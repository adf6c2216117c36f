// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	subject := a.subject(p)
	var d definitions
	err := a.runner.Keeper.Guard(ctx, subject, a.Slot, func(context.Context) error {
		found, err := a.unfold(p)
		d = found
		return err
	})
	if err != nil {
		return nil, err
	}
	a.crds, a.writes.Intent.Definitions = d.contents, d.listed
	changed, err := a.applyCRDs(ctx, p.crds, d.files)
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
	var out *render.Output
	err = a.runner.Keeper.Guard(ctx, subject, a.Slot, func(ctx context.Context) error {
		rendered, err := a.render(ctx, p, subject)
		out = rendered
		return err
	})
	if err != nil {
		return nil, err
	}
	done := &plan{chart: p.chart, values: p.values, out: out}
	a.writes.BeforeCreate = done.complete
	a.store(ctx)
	return done, nil
}

// definitions are the files in the folders crds of a chart, and of the charts in it.
type definitions struct {
	files    []chart.CRD
	contents [][]byte
	// listed are the objects in them, if all can be listed. What cannot is told when the inventory is made.
	listed []helmv2.ResourceRef
}

// unfold processes the dependencies of a chart and reads the definitions that it has then.
func (a *run) unfold(p preparation) (definitions, error) {
	if err := helmchart.ProcessDependencies(p.chart, p.values); err != nil {
		return definitions{}, err
	}
	d := definitions{files: p.chart.CRDObjects()}
	for _, f := range d.files {
		if err := helmchart.CheckExpansion(f.File.Data); err != nil {
			return definitions{}, fmt.Errorf("YAML parse error on %s: %w", f.Filename, err)
		}
		d.contents = append(d.contents, f.File.Data)
	}
	if listed, _, err := release.Inventory(release.InventoryInput{CRDs: d.contents, Namespace: a.Namespace, Namespaced: release.Scopes(a.Clients.Mapper)}); err == nil {
		d.listed = listed.Entries
	}
	return d, nil
}

// render checks the values of a chart and renders it.
func (a *run) render(ctx context.Context, p preparation, subject apart.Subject) (*render.Output, error) {
	if !p.skipSchema {
		if err := schema.Check(ctx, p.chart, p.values, func(download func()) { a.idle(ctx, download) }); err != nil {
			return nil, err
		}
	}
	return render.Render(ctx, render.Input{
		Chart: p.chart, Values: p.values, Release: p.release, Capabilities: a.config.Capabilities,
		EnableDNS: a.runner.AllowDNS, Clients: a.Clients,
		Post: render.PostRender{
			Strategy: a.runner.postRenderStrategy(a.Object), Renderers: a.Object.Spec.PostRenderers,
			Metadata: a.Object.Spec.CommonMetadata, Owner: a.owner(),
		},
		Keeper: a.runner.Keeper, Subject: subject, Bounds: apart.Bounds{Time: p.timeout, Slot: a.Slot},
	})
}

// subject is the release as the one who guards the work on charts knows it.
func (a *run) subject(p preparation) apart.Subject {
	return apart.Subject{
		Owner: a.owner(), UID: a.Object.UID, Chart: p.chart.Metadata.Name + "@" + p.chart.Metadata.Version, Inputs: a.inputs(p),
	}
}

// inputs is a hash of what the work on a chart depends on: the generation of the object, the files of the chart, and the values.
func (a *run) inputs(p preparation) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s\n", a.Object.Generation, p.chart.Metadata.Version)
	for _, f := range p.chart.Raw { // also those of the charts in it
		fmt.Fprintf(h, "%q %d\n", f.Name, len(f.Data))
		h.Write(f.Data)
	}
	content, err := json.Marshal(p.values)
	fmt.Fprintf(h, "%s %v\n", content, err) // what is not JSON does not come from a HelmRelease
	return hex.EncodeToString(h.Sum(nil))
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
