// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"

	"helm.sh/helm/v3/pkg/chart"
)

const (
	// schemeFile marks a dependency that is in the same source tree.
	schemeFile = "file://"
	// maxDownloads bounds the dependencies that are fetched at the same time.
	maxDownloads = 4
)

// Chart and Dependency are helm's types, named here for those who may not import helm itself.
type (
	// Chart is a loaded chart.
	Chart = chart.Chart
	// Dependency is a chart that another one needs, as in its Chart.yaml or Chart.lock.
	Dependency = chart.Dependency
)

// Dependencies says where the dependencies of a chart come from.
type Dependencies struct {
	// Root is the source tree that the chart is in, for dependencies in the same tree. nil if there is none.
	Root *os.Root
	// Dir is the directory of the chart in Root.
	Dir string
	// Limits bound each dependency.
	Limits Limits
	// Remote fetches a dependency from its repository, an http, https or oci URL. It may be called several times at once.
	Remote func(ctx context.Context, dependency *chart.Dependency) (*chart.Chart, error)
}

// BuildDependencies adds to the chart what its Chart.lock, or else its Chart.yaml, lists and its charts/ lacks. It returns how many were added.
// If charts/ has as many charts as are listed, nothing is done. All dependencies that cannot be had are in the error, which is ErrDependency.
// Flux: source-controller contract, "Build from GitRepository / Bucket".
func BuildDependencies(ctx context.Context, c *chart.Chart, d Dependencies) (added int, err error) {
	missing := missing(c)
	if len(missing) == 0 {
		return 0, nil
	}
	var (
		wg     sync.WaitGroup
		slots  = make(chan struct{}, maxDownloads)
		charts = make([]*chart.Chart, len(missing))
		errs   = make([]error, len(missing))
	)
	left := ration{bytes: d.Limits.withDefaults().ChartBytes}
	left.take(c)
	for i, dependency := range missing {
		slots <- struct{}{}
		if left.check() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			charts[i], errs[i] = d.load(ctx, dependency)
			left.take(charts[i])
		})
	}
	wg.Wait()
	if err := cmp.Or(left.check(), errors.Join(errs...)); err != nil {
		return 0, err
	}
	c.AddDependency(charts...)
	sortDependencies(c)
	return len(charts), nil
}

// ration bounds a chart with all its dependencies, which are in memory together. Without it a chart could name any number of large ones.
type ration struct {
	mu    sync.Mutex
	bytes int64
}

// take accounts for a chart, which may be nil.
func (r *ration) take(c *chart.Chart) {
	if c == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range c.Raw { // also those of the charts in it
		r.bytes -= int64(len(f.Data))
	}
}

// check reports whether too much was taken.
func (r *ration) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bytes < 0 {
		return fmt.Errorf("%w: the chart with its dependencies is too large: %w", ErrDependency, ErrLimit)
	}
	return nil
}

// missing lists the dependencies that charts/ lacks.
func missing(c *chart.Chart) []*chart.Dependency {
	listed := required(c)
	if len(c.Dependencies()) == len(listed) {
		return nil
	}
	present := map[string]bool{}
	for _, inner := range c.Dependencies() {
		present[inner.Name()] = true
	}
	var absent []*chart.Dependency
	for _, dependency := range listed {
		if dependency != nil && !present[dependency.Name] && (dependency.Alias == "" || !present[dependency.Alias]) {
			absent = append(absent, dependency)
		}
	}
	return absent
}

// required lists what the chart depends on, in the locked versions if there is a lock.
func required(c *chart.Chart) []*chart.Dependency {
	if c.Lock == nil {
		return c.Metadata.Dependencies
	}
	locked := make([]*chart.Dependency, 0, len(c.Lock.Dependencies))
	for i, dependency := range c.Lock.Dependencies {
		if dependency == nil {
			continue
		}
		d := *dependency
		d.Alias = aliasOf(c.Metadata.Dependencies, i, d.Name)
		locked = append(locked, &d)
	}
	return locked
}

// aliasOf is the alias of a locked dependency: a lock does not record it, but lists the dependencies in the order of Chart.yaml.
func aliasOf(declared []*chart.Dependency, i int, name string) string {
	if i < len(declared) && declared[i] != nil && declared[i].Name == name {
		return declared[i].Alias
	}
	for _, d := range declared {
		if d != nil && d.Name == name {
			return d.Alias
		}
	}
	return ""
}

// load gets one dependency.
func (d Dependencies) load(ctx context.Context, dependency *chart.Dependency) (*chart.Chart, error) {
	c, err := d.find(ctx, dependency)
	if err != nil {
		return nil, fmt.Errorf("%w '%s': %w", ErrDependency, dependency.Name, err)
	}
	if dependency.Alias != "" {
		c.Metadata.Name = dependency.Alias
	}
	return c, nil
}

func (d Dependencies) find(ctx context.Context, dependency *chart.Dependency) (*chart.Chart, error) {
	repository := dependency.Repository
	switch {
	case repository == "", strings.HasPrefix(repository, schemeFile):
		return d.local(ctx, dependency)
	case strings.HasPrefix(repository, "@"), strings.HasPrefix(repository, "alias:"):
		return nil, fmt.Errorf("aliases of repositories such as '%s' are not supported, name its URL", repository)
	case d.Remote != nil && hasScheme(repository):
		return d.Remote(ctx, dependency)
	}
	return nil, errors.New("repository is no http, https, oci or file URL")
}

func hasScheme(repository string) bool {
	for _, scheme := range []string{"http://", "https://", "oci://"} {
		if strings.HasPrefix(repository, scheme) {
			return true
		}
	}
	return false
}

// local loads a dependency from the source tree. It cannot leave the tree.
func (d Dependencies) local(ctx context.Context, dependency *chart.Dependency) (*chart.Chart, error) {
	if d.Root == nil {
		return nil, errors.New("the chart is in no source tree that it could refer to")
	}
	dir := path.Join(chartsDir, dependency.Name)
	if dependency.Repository != "" {
		dir = strings.TrimPrefix(dependency.Repository, schemeFile)
	}
	dir = Confine(path.Join("/", d.Dir, dir))
	c, err := LoadDir(ctx, d.Root, dir, d.Limits)
	if err != nil {
		return nil, fmt.Errorf("load '%s': %w", dir, err)
	}
	if dependency.Version == "" {
		return c, nil
	}
	constraint, err := ParseConstraint(dependency.Version)
	if err != nil {
		return nil, err
	}
	if !constraint.covers(c.Metadata.Version) {
		return nil, fmt.Errorf("version %s of '%s' does not satisfy '%s'", c.Metadata.Version, dir, dependency.Version)
	}
	return c, nil
}

// Confine makes of a slash-separated path one that is relative to a root and cannot lead above it, "." for the root itself.
func Confine(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name != "" {
		return name
	}
	return "."
}
