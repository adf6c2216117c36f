// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
)

// Inspect asks every component of the cluster in f how it is. The report is ready when the supervisor runs, has seen
// everything ready once, and every component says so now.
func Inspect(ctx context.Context, f instance.Folder) (instance.Report, error) {
	state, err := f.Load()
	if err != nil {
		return instance.Report{}, err
	}
	running := f.Running()
	state.Ready = state.Ready && running
	report := f.Report(state)
	if !running {
		report.PIDs = nil
	}
	p, err := newProber(f)
	if err != nil && running {
		return report, err
	}
	for _, c := range state.Components {
		row := instance.ComponentReport{Component: c, Message: "stopped"}
		if running && lifeline.Alive(c.PID) {
			row.RSSBytes = rss(ctx, c.PID)
			row.Ready, row.Message = true, ""
			if err := p.probe(ctx, healthOf(c)); err != nil {
				row.Ready, row.Message = false, err.Error()
			}
		}
		report.Ready = report.Ready && row.Ready
		report.Components = append(report.Components, row)
	}
	return report, nil
}

// healthOf is the URL of a component's probe; where it is follows from the component's name and port alone.
func healthOf(c instance.Component) string {
	switch c.Name {
	case role.Etcd:
		return etcd().health
	case role.APIServer:
		return apiServer(Options{}, c.Port).health
	case role.ControllerManager:
		return controllerManager("", c.Port).health
	case role.Scheduler:
		return scheduler("", c.Port).health
	default:
		return kwok(Options{}, c.Port).health
	}
}
