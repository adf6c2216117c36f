// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"encoding/json"
	"errors"
	"fmt"

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

// run returns what each template of the job renders to.
func (j Job) run(l Lookups) (map[string]string, error) {
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

// tree is the job as one value of the codec.
func (j Job) tree() (map[string]any, error) {
	ch, err := chartTree(j.Chart)
	if err != nil {
		return nil, err
	}
	capabilities, err := json.Marshal(j.Capabilities)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"chart": ch, "values": j.Values, "capabilities": string(capabilities), "enableDNS": j.EnableDNS,
		"release": map[string]any{
			"name": j.Release.Name, "namespace": j.Release.Namespace, "revision": j.Release.Revision,
			"isUpgrade": j.Release.IsUpgrade, "isInstall": j.Release.IsInstall,
		},
	}, nil
}

// jobOf reads what tree has made.
func jobOf(v any) (Job, error) {
	f := fields{of: v}
	r := fields{of: get[map[string]any](&f, "release")}
	j := Job{
		Values: get[map[string]any](&f, "values"), EnableDNS: get[bool](&f, "enableDNS"),
		Release: chartutil.ReleaseOptions{
			Name: get[string](&r, "name"), Namespace: get[string](&r, "namespace"), Revision: get[int](&r, "revision"),
			IsUpgrade: get[bool](&r, "isUpgrade"), IsInstall: get[bool](&r, "isInstall"),
		},
	}
	ch, err := chartOf(get[map[string]any](&f, "chart"))
	j.Chart = ch
	return j, errors.Join(f.err, r.err, err, json.Unmarshal([]byte(get[string](&f, "capabilities")), &j.Capabilities))
}

// chartTree has what the engine looks at of a chart and of those in it.
func chartTree(c *chart.Chart) (map[string]any, error) {
	metadata, err := json.Marshal(c.Metadata)
	if err != nil {
		return nil, err
	}
	inner := make([]any, 0, len(c.Dependencies()))
	for _, d := range c.Dependencies() {
		one, err := chartTree(d)
		if err != nil {
			return nil, err
		}
		inner = append(inner, one)
	}
	return map[string]any{
		"metadata": string(metadata), "values": c.Values,
		"templates": fileList(c.Templates), "files": fileList(c.Files), "charts": inner,
	}, nil
}

// chartOf reads what chartTree has made.
func chartOf(v any) (*chart.Chart, error) {
	f := fields{of: v}
	c := &chart.Chart{
		Values: get[map[string]any](&f, "values"), Templates: filesOf(&f, "templates"), Files: filesOf(&f, "files"),
	}
	err := json.Unmarshal([]byte(get[string](&f, "metadata")), &c.Metadata)
	if err == nil && c.Metadata == nil {
		err = errors.New("a chart without metadata")
	}
	for _, v := range get[[]any](&f, "charts") {
		inner, err := chartOf(v)
		if err != nil {
			return nil, err
		}
		c.AddDependency(inner)
	}
	return c, errors.Join(f.err, err)
}

// fileList has name and content of each file in turn.
func fileList(files []*chart.File) []any {
	list := make([]any, 0, 2*len(files))
	for _, f := range files {
		if f != nil {
			list = append(list, f.Name, string(f.Data))
		}
	}
	return list
}

func filesOf(f *fields, key string) []*chart.File {
	list := get[[]any](f, key)
	files := make([]*chart.File, 0, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		name, named := list[i].(string)
		content, ok := list[i+1].(string)
		if !named || !ok {
			f.err = errors.Join(f.err, fmt.Errorf("%s: no file", key))
			return nil
		}
		files = append(files, &chart.File{Name: name, Data: []byte(content)})
	}
	return files
}
