// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

const (
	// maxCharts bounds the charts that a chart is made of once each of its dependencies has its copy; the largest public ones have some dozens.
	maxCharts = 1_000
	// maxValuesBytes bounds the YAML that is parsed of a chart, mostly default values, and those values again once they were handed from chart to
	// chart. Helm copies them several times, which takes a second for each megabyte.
	maxValuesBytes = 16 << 20
	// maxValueDepth bounds how deep values are nested. Helm stores them in JSON, of which no more than 10,000 levels are read back.
	maxValueDepth = 1_000
)

// CheckDepth refuses values that are nested so deep that a release with them could not be read again, with ErrLimit.
func CheckDepth(values map[string]any) error {
	if !isShallow(values, maxValueDepth) {
		return fmt.Errorf("values nested deeper than %d: %w", maxValueDepth, ErrLimit)
	}
	return nil
}

// isShallow reports whether no more than left maps and lists are inside of one another.
func isShallow(value any, left int) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if !isShallow(inner, left-1) {
				return false
			}
		}
	case []any:
		for _, inner := range v {
			if !isShallow(inner, left-1) {
				return false
			}
		}
	default:
		return true
	}
	return left > 0
}

// checkLayout refuses files that are too much to be parsed, or of charts that are too deep in the chart.
func checkLayout(files []*loader.BufferedFile) error {
	left := maxValuesBytes
	for _, f := range files {
		if depthOf(f.Name) > maxNesting {
			return fmt.Errorf("charts nested deeper than %d: %w", maxNesting, ErrLimit)
		}
		if !isParsed(f.Name) {
			continue
		}
		if left -= len(f.Data); left < 0 {
			return fmt.Errorf("values of more than %d bytes: %w", maxValuesBytes, ErrLimit)
		}
	}
	return nil
}

// depthOf is how many charts the chart that a file belongs to is inside of.
func depthOf(name string) int {
	depth := 0
	for {
		inside, ok := strings.CutPrefix(name, chartsDir+"/")
		if !ok {
			return depth
		}
		if _, name, ok = strings.Cut(inside, "/"); !ok {
			return depth
		}
		depth++
	}
}

// extent is what a chart takes once its dependencies are processed.
type extent struct{ charts, bytes, values int }

// checkExtent refuses a chart that its Chart.yaml makes much larger than it is: a dependency that is listed under several names is copied for each,
// and import-values copies values.
func checkExtent(c *chart.Chart) error {
	if err := checkDepths(c); err != nil {
		return err
	}
	switch e := extentOf(c); {
	case e.charts > maxCharts:
		return fmt.Errorf("dependencies make more than %d charts of it: %w", maxCharts, ErrLimit)
	case e.bytes > DefaultChartBytes:
		return fmt.Errorf("dependencies make more than %d bytes of it: %w", DefaultChartBytes, ErrLimit)
	case e.values > maxValuesBytes:
		return fmt.Errorf("dependencies make values of more than %d bytes: %w", maxValuesBytes, ErrLimit)
	}
	return nil
}

func checkDepths(c *chart.Chart) error {
	if err := CheckDepth(c.Values); err != nil {
		return fmt.Errorf("%s: %w", path.Join(c.ChartFullPath(), valuesFile), err)
	}
	for _, inner := range c.Dependencies() {
		if err := checkDepths(inner); err != nil {
			return err
		}
	}
	return nil
}

// extentOf counts no further than a little beyond the limits.
func extentOf(c *chart.Chart) extent {
	e := extent{charts: 1}
	for _, files := range [][]*chart.File{c.Templates, c.Files} {
		for _, f := range files {
			e.bytes += len(f.Data)
		}
	}
	for _, f := range c.Raw {
		if f.Name == valuesFile {
			e.bytes, e.values = e.bytes+len(f.Data), len(f.Data)
		}
	}
	listed, imports := map[string]int{}, map[string]int{}
	for _, d := range c.Metadata.Dependencies {
		if d != nil {
			listed[d.Name]++
			imports[d.Name] += len(d.ImportValues)
		}
	}
	for _, inner := range c.Dependencies() {
		below, times := extentOf(inner), max(listed[inner.Name()], 1)
		e.charts = min(e.charts+times*below.charts, maxCharts+1)
		e.bytes = min(e.bytes+times*below.bytes, DefaultChartBytes+1)
		e.values = min(e.values+(times+imports[inner.Name()])*below.values, maxValuesBytes+1)
	}
	return e
}
