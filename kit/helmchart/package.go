// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

const (
	lockFile   = "Chart.lock"
	schemaFile = "values.schema.json"
	// filePerm is what files in a packaged chart may be used for, as helm sets it.
	filePerm = 0o644
)

// Package writes the chart as a .tgz archive. The same chart gives the same bytes: the order of its files is fixed and no time is recorded.
func Package(w io.Writer, c *chart.Chart) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrChart, err)
	}
	zipped := gzip.NewWriter(w)
	archive := tar.NewWriter(zipped)
	if err := writeChart(archive, c, "", 0); err != nil {
		return err
	}
	return errors.Join(archive.Close(), zipped.Close())
}

func writeChart(w *tar.Writer, c *chart.Chart, in string, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("charts nested deeper than %d: %w", maxNesting, ErrLimit)
	}
	dir := path.Join(in, c.Name())
	files, err := filesOf(c)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := writeFile(w, path.Join(dir, f.Name), f.Data); err != nil {
			return err
		}
	}
	for _, dependency := range c.Dependencies() {
		if err := writeChart(w, dependency, path.Join(dir, chartsDir), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// filesOf lists the files of a chart without its dependencies in the order in which they are written.
func filesOf(c *chart.Chart) ([]*chart.File, error) {
	metadata := *c.Metadata
	if metadata.APIVersion == chart.APIVersionV1 {
		// They are in requirements.yaml, which is one of the files.
		metadata.Dependencies = nil
	}
	content, err := yaml.Marshal(metadata)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", chartFile, err)
	}
	files := []*chart.File{{Name: chartFile, Data: content}}
	if c.Lock != nil && metadata.APIVersion == chart.APIVersionV2 {
		if content, err = yaml.Marshal(c.Lock); err != nil {
			return nil, fmt.Errorf("encode %s: %w", lockFile, err)
		}
		files = append(files, &chart.File{Name: lockFile, Data: content})
	}
	for _, f := range c.Raw {
		if f.Name == valuesFile {
			files = append(files, f)
		}
	}
	if c.Schema != nil {
		if !json.Valid(c.Schema) {
			return nil, fmt.Errorf("%w: %s is not JSON", ErrChart, schemaFile)
		}
		files = append(files, &chart.File{Name: schemaFile, Data: c.Schema})
	}
	return slices.Concat(files, sorted(c.Templates), sorted(c.Files)), nil
}

func sorted(files []*chart.File) []*chart.File {
	return slices.SortedStableFunc(slices.Values(files), func(a, b *chart.File) int { return strings.Compare(a.Name, b.Name) })
}

func writeFile(w *tar.Writer, name string, content []byte) error {
	header := &tar.Header{Name: name, Mode: filePerm, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
	if err := w.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
