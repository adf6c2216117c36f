// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"
	"math"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
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
	if nesting(values, maxValueDepth) > maxValueDepth {
		return fmt.Errorf("values nested deeper than %d: %w", maxValueDepth, ErrLimit)
	}
	return nil
}

// nesting is how many maps and lists are inside of one another. It counts no further than to one more than most.
func nesting(value any, most int) int {
	deepest := 0
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			deepest = max(deepest, nestingBelow(inner, most))
		}
	case []any:
		for _, inner := range v {
			deepest = max(deepest, nestingBelow(inner, most))
		}
	default:
		return 0
	}
	return deepest + 1
}

func nestingBelow(value any, most int) int {
	if most <= 0 {
		return 0
	}
	return nesting(value, most-1)
}

// ProcessDependencies does what Helm does of the same name: it leaves out the dependencies that the values disable, and hands values from chart to
// chart. It refuses values whose `global`, of which each chart gets a copy, makes them too large, with ErrLimit.
func ProcessDependencies(c *chart.Chart, values map[string]any) error {
	if copies := extentOf(c, bounds{}).charts - 1; copies*weight(values[chartutil.GlobalKey]) > maxValuesBytes {
		return fmt.Errorf("global values for %d charts of more than %d bytes: %w", copies, maxValuesBytes, ErrLimit)
	}
	return chartutil.ProcessDependenciesWithMerge(c, values)
}

// weight is about what a value takes when it is written.
func weight(value any) int {
	n := valueBytes
	switch v := value.(type) {
	case string:
		n += len(v)
	case []any:
		for _, inner := range v {
			n += weight(inner)
		}
	case map[string]any:
		for key, inner := range v {
			n += len(key) + weight(inner)
		}
	}
	return n
}

// checkLayout refuses files that are too much to be parsed, or of charts that are too deep in the chart.
func checkLayout(files []*loader.BufferedFile, most bounds) error {
	left := most.values
	for _, f := range files {
		if depthOf(f.Name) > maxNesting {
			return fmt.Errorf("charts nested deeper than %d: %w", maxNesting, ErrLimit)
		}
		if !isParsed(f.Name) {
			continue
		}
		if left -= len(f.Data); left < 0 {
			return fmt.Errorf("metadata and values of more than %d bytes: %w", most.values, ErrLimit)
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

// bounds are those of the extent of a chart, in bytes.
type bounds struct{ files, values int }

// boundsOf returns the bounds of a chart that is read within limits. One file of values is allowed what any file is.
func boundsOf(l Limits) bounds {
	return bounds{files: int(min(l.ChartBytes, math.MaxInt32)), values: int(min(max(maxValuesBytes, l.FileBytes), math.MaxInt32))}
}

// extent is what a chart takes once its dependencies are processed.
type extent struct {
	charts int
	// bytes of all files.
	bytes int
	// values are the bytes of all values, of which each chart that lists dependencies has those of the charts in it, too.
	values int
	// handed are the bytes of the values that the chart hands to the one that it is in.
	handed int
	// depth is how deep those are nested.
	depth int
}

// checkExtent refuses a chart that its Chart.yaml makes much larger than it is: a dependency that is listed under several names is copied for each,
// and import-values copies values, to a place as deep as it likes.
func checkExtent(c *chart.Chart, most bounds) error {
	switch e := extentOf(c, most); {
	case e.charts > maxCharts:
		return fmt.Errorf("dependencies make more than %d charts of it: %w", maxCharts, ErrLimit)
	case e.bytes > most.files:
		return fmt.Errorf("dependencies make more than %d bytes of it: %w", most.files, ErrLimit)
	case e.values > most.values:
		return fmt.Errorf("dependencies make values of more than %d bytes: %w", most.values, ErrLimit)
	case e.depth > maxValueDepth:
		return fmt.Errorf("default values nested deeper than %d: %w", maxValueDepth, ErrLimit)
	}
	return nil
}

// extentOf counts no further than a little beyond the limits.
func extentOf(c *chart.Chart, most bounds) extent {
	e := extentOfFiles(c)
	e.charts, e.depth = 1, nesting(c.Values, maxValueDepth)
	own, listed := e, listingsOf(c)
	for _, inner := range c.Dependencies() {
		below, l := extentOf(inner, most), listed[inner.Name()]
		times := max(l.times, 1)
		e.charts = min(e.charts+times*below.charts, maxCharts+1)
		e.bytes = min(e.bytes+times*below.bytes, most.files+1)
		// What is imported may be what the chart itself has as values of the other.
		e.handed = min(e.handed+times*below.handed+l.imports*(below.handed+own.handed), most.values+1)
		e.values = min(e.values+times*below.values, most.values+1)
		e.depth = max(e.depth, below.depth+1)
		if l.path > 0 {
			e.depth = max(e.depth, l.path+max(below.depth, own.depth))
		}
		e.depth = min(e.depth, maxValueDepth+1)
	}
	e.values = min(e.values+e.handed+(e.charts-1)*weight(c.Values[chartutil.GlobalKey]), most.values+1)
	return e
}

// extentOfFiles counts the files of a chart, not those of the charts in it.
func extentOfFiles(c *chart.Chart) extent {
	e := extent{bytes: len(c.Schema)}
	for _, files := range [][]*chart.File{c.Templates, c.Files} {
		for _, f := range files {
			e.bytes += len(f.Data)
		}
	}
	for _, f := range c.Raw {
		if f.Name == valuesFile {
			e.bytes, e.handed = e.bytes+len(f.Data), len(f.Data)
		}
	}
	return e
}

// listings are what a chart lists of a dependency.
type listings struct {
	times, imports int
	// path is how many maps the longest path has to which values are imported.
	path int
}

func listingsOf(c *chart.Chart) map[string]listings {
	all := map[string]listings{}
	for _, d := range c.Metadata.Dependencies {
		if d == nil {
			continue
		}
		l := all[d.Name]
		l.times++
		l.imports += len(d.ImportValues)
		for _, i := range d.ImportValues {
			if table, ok := i.(map[string]any); ok { // Helm: pkg/chartutil, processImportValues
				l.path = max(l.path, 1+strings.Count(fmt.Sprint(table["parent"]), "."))
			}
		}
		all[d.Name] = l
	}
	return all
}
