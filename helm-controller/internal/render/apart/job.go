// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"errors"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/client-go/rest"
)

// Job is one run of the templates of a chart.
type Job struct {
	// Chart has its dependencies processed for the values.
	Chart *chart.Chart
	// Values are as the schemas of the chart want them.
	Values map[string]any
	// Release is what templates know as .Release.
	Release      chartutil.ReleaseOptions
	Capabilities *chartutil.Capabilities
	// EnableDNS lets templates resolve host names.
	EnableDNS bool
}

// Lookups answer the template function lookup.
type Lookups struct {
	Provider engine.ClientProvider
	// Config is asked instead of Provider if the job may resolve host names: Helm's engine takes no provider then.
	Config *rest.Config
}

// run returns what each template of the job renders to, and refuses more than is taken.
func (j Job) run(l Lookups) (map[string]string, error) {
	files, err := j.render(l)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, content := range files {
		size += len(content)
	}
	if size > maxOutputBytes {
		return nil, errors.New(tooMuchText)
	}
	return files, nil
}

func (j Job) render(l Lookups) (map[string]string, error) {
	values, err := chartutil.ToRenderValuesWithSchemaValidation(j.Chart, j.Values, j.Release, j.Capabilities, true)
	if err != nil {
		return nil, err
	}
	if j.EnableDNS {
		e := engine.New(l.Config)
		e.EnableDNS = true
		return e.Render(j.Chart, values)
	}
	return engine.RenderWithClientProvider(j.Chart, values, l.Provider)
}

// sentJob is a job on its way to a child.
type sentJob struct {
	Chart        sentChart                `json:"chart"`
	Values       map[string]any           `json:"values"`
	Release      chartutil.ReleaseOptions `json:"release"`
	Capabilities *chartutil.Capabilities  `json:"capabilities"`
	EnableDNS    bool                     `json:"enableDNS"`
}

// sentChart has what the engine looks at of a chart and of those in it.
type sentChart struct {
	Metadata  *chart.Metadata `json:"metadata"`
	Values    map[string]any  `json:"values"`
	Templates []*chart.File   `json:"templates"`
	Files     []*chart.File   `json:"files"`
	Charts    []sentChart     `json:"charts"`
}

func (j Job) sent() *sentJob {
	return &sentJob{Chart: sentChartOf(j.Chart), Values: j.Values, Release: j.Release, Capabilities: j.Capabilities, EnableDNS: j.EnableDNS}
}

func sentChartOf(c *chart.Chart) sentChart {
	s := sentChart{Metadata: c.Metadata, Values: c.Values, Templates: c.Templates, Files: c.Files}
	for _, inner := range c.Dependencies() {
		s.Charts = append(s.Charts, sentChartOf(inner))
	}
	return s
}

// job is what was sent.
func (s *sentJob) job() (Job, error) {
	c, err := s.Chart.chart()
	if s.Capabilities == nil {
		err = errMalformed
	}
	return Job{Chart: c, Values: s.Values, Release: s.Release, Capabilities: s.Capabilities, EnableDNS: s.EnableDNS}, err
}

func (s sentChart) chart() (*chart.Chart, error) {
	if s.Metadata == nil || slices.Contains(s.Templates, nil) || slices.Contains(s.Files, nil) {
		return nil, errMalformed
	}
	c := &chart.Chart{Metadata: s.Metadata, Values: s.Values, Templates: s.Templates, Files: s.Files}
	for _, one := range s.Charts {
		inner, err := one.chart()
		if err != nil {
			return nil, err
		}
		c.AddDependency(inner)
	}
	return c, nil
}
