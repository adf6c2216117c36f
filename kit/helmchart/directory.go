// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
	"sigs.k8s.io/yaml"
)

// maxDepth bounds how deep directories may be nested, and thereby links that lead back up.
const maxDepth = 64

// LoadDir reads the chart in the directory at the slash-separated dir of root, "." for root itself. What .helmignore excludes is left out.
// Links are followed within root; one that leads out is an error.
func LoadDir(ctx context.Context, root *os.Root, dir string, l Limits) (*chart.Chart, error) {
	w := &walker{root: root, top: path.Clean(dir), budget: newBudget(l)}
	if err := w.readRules(); err != nil {
		return nil, err
	}
	if err := w.walk(ctx, "", 0); err != nil {
		return nil, err
	}
	files, err := w.budget.expand(ctx, w.files, 0)
	if err != nil {
		return nil, err
	}
	return assemble(files, w.budget.limits)
}

// ReadDirMetadata reads the Chart.yaml of the chart in the directory at dir of root.
func ReadDirMetadata(root *os.Root, dir string, l Limits) (*chart.Metadata, error) {
	content, err := ReadFile(root, path.Join(dir, chartFile), l.withDefaults().FileBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChart, err)
	}
	return parseMetadata(content)
}

// parseMetadata reads a Chart.yaml as the loader does.
func parseMetadata(content []byte) (*chart.Metadata, error) {
	if err := checkExpansion(content, false); err != nil {
		return nil, fmt.Errorf("%s: %w", chartFile, err)
	}
	md := &chart.Metadata{}
	if err := yaml.Unmarshal(bytes.TrimPrefix(content, []byte(utf8BOM)), md); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrChart, chartFile, err)
	}
	if md.APIVersion == "" {
		md.APIVersion = chart.APIVersionV1
	}
	if err := md.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrChart, chartFile, err)
	}
	return md, nil
}

// ReadFile reads a regular file of root, at most maxBytes of it.
func ReadFile(root *os.Root, name string, maxBytes int64) (_ []byte, err error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return io.ReadAll(&capped{from: f, left: maxBytes, what: fmt.Errorf("file %s of more than %d bytes: %w", name, maxBytes, ErrLimit)})
}

// walker collects the files of a chart directory.
type walker struct {
	root   *os.Root
	top    string
	budget *budget
	rules  *ignore.Rules
	files  []*loader.BufferedFile
}

func (w *walker) readRules() error {
	w.rules = ignore.Empty()
	content, err := ReadFile(w.root, path.Join(w.top, ignore.HelmIgnore), w.budget.limits.FileBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("%w: %w", ErrChart, err)
	default:
		if w.rules, err = ignore.Parse(bytes.NewReader(content)); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrChart, ignore.HelmIgnore, err)
		}
	}
	w.rules.AddDefaults()
	return nil
}

// walk visits the directory at dir, relative to the chart, in the order of names.
func (w *walker) walk(ctx context.Context, dir string, depth int) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if depth > maxDepth {
		return fmt.Errorf("directories nested deeper than %d: %w", maxDepth, ErrLimit)
	}
	names, err := w.list(path.Join(w.top, dir))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := w.visit(ctx, path.Join(dir, name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) list(dir string) (_ []string, err error) {
	f, err := w.root.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChart, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	names, err := f.Readdirnames(w.budget.limits.Files + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrChart, err)
	}
	if len(names) > w.budget.limits.Files {
		return nil, fmt.Errorf("more than %d files: %w", w.budget.limits.Files, ErrLimit)
	}
	slices.Sort(names)
	return names, nil
}

func (w *walker) visit(ctx context.Context, name string, depth int) error {
	info, err := w.root.Stat(path.Join(w.top, name))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChart, err)
	}
	switch {
	case w.rules.Ignore(name, info):
		return nil
	case info.IsDir():
		// Links may lead to one directory many times over.
		if err := w.budget.take(name, 0); err != nil {
			return err
		}
		return w.walk(ctx, name, depth+1)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is neither a file nor a directory", ErrChart, name)
	}
	if err := w.budget.take(name, info.Size()); err != nil {
		return err
	}
	content, err := ReadFile(w.root, path.Join(w.top, name), info.Size())
	if err != nil {
		return err
	}
	w.files = append(w.files, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(content, []byte(utf8BOM))})
	return nil
}

// sortDependencies puts the charts in a chart into an order that does not change from one reading to the next.
func sortDependencies(c *chart.Chart) {
	inner := slices.Clone(c.Dependencies())
	slices.SortStableFunc(inner, func(a, b *chart.Chart) int {
		if n := strings.Compare(a.Name(), b.Name()); n != 0 {
			return n
		}
		return strings.Compare(a.Metadata.Version, b.Metadata.Version)
	})
	c.SetDependencies(inner...)
	for _, dependency := range inner {
		sortDependencies(dependency)
	}
}
