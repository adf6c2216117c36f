// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"

	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/helmchart"
)

// notesFile is what the notes of a chart are called.
const notesFile = "NOTES.txt"

// Input is what a rendering depends on.
type Input struct {
	// Chart has its dependencies processed for the values.
	Chart *chart.Chart
	// Values are as the schemas of the chart want them.
	Values map[string]any
	// Release is what templates know as .Release.
	Release      chartutil.ReleaseOptions
	Capabilities *chartutil.Capabilities
	// EnableDNS lets templates resolve host names.
	EnableDNS bool
	// Clients answer lookups.
	Clients *cluster.Clients
	Post    PostRender

	// Keeper runs the templates, of Subject and within Bounds, and guards the whole. Without one they run in this process.
	Keeper  *apart.Keeper
	Subject apart.Subject
	Bounds  apart.Bounds
}

// Output is a rendered chart.
type Output struct {
	// Manifest is a stream of YAML documents without the hooks.
	Manifest string
	Hooks    []*release.Hook
	Notes    string
}

// Render renders a chart. Its errors have the words of Helm.
func Render(ctx context.Context, in Input) (*Output, error) {
	if c := in.Chart.Metadata.KubeVersion; c != "" && !chartutil.IsCompatibleRange(c, in.Capabilities.KubeVersion.String()) {
		return nil, fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", c, in.Capabilities.KubeVersion.String())
	}
	files, err := in.Keeper.Render(ctx, in.Subject, in.job(), in.lookups(ctx), in.Bounds)
	if err != nil {
		return nil, err
	}
	out := &Output{Notes: files[path.Join(in.Chart.Name(), "templates", notesFile)]}
	for name := range files {
		if strings.HasSuffix(name, notesFile) {
			delete(files, name)
			continue
		}
		if err := helmchart.CheckExpansion([]byte(files[name])); err != nil {
			return nil, fmt.Errorf("YAML parse error on %s: %w", name, err)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	out.Manifest, out.Hooks, err = in.Post.run(ctx, manifests, hooks)
	if err != nil {
		return nil, fmt.Errorf("error while running post render on files: %w", err)
	}
	if err := checkHooks(out.Hooks); err != nil {
		return nil, err
	}
	return out, nil
}

// checkHooks refuses hooks that could not be read again once they are stored: there, each is looked at for itself. Aliases are left only in those
// that no post-renderer wrote.
func checkHooks(hooks []*release.Hook) error {
	for _, h := range hooks {
		if err := helmchart.CheckExpansion([]byte(h.Manifest)); err != nil {
			return fmt.Errorf("YAML parse error on %s: %w", h.Path, err)
		}
	}
	return nil
}

func (in Input) job() apart.Job {
	return apart.Job{
		Chart: in.Chart, Values: in.Values, Release: in.Release, Capabilities: in.Capabilities, EnableDNS: in.EnableDNS,
	}
}

func (in Input) lookups(ctx context.Context) apart.Lookups {
	return apart.Lookups{Provider: lookup{clients: in.Clients, ended: ctx.Done()}, Config: in.Clients.Config}
}
