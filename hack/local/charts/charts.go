// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package charts runs a Helm repository on this machine: charts are packaged from folders, and an index lists them.
package charts

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/weir-gitops/weir/hack/local/serve"
)

// Server is a Helm repository that answers plain HTTP.
type Server struct {
	*serve.Server

	dir string
}

// Start serves the charts of a folder, which it makes, until Close.
func Start(ctx context.Context, dir string) (*Server, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of charts: %w", err)
	}
	s, err := serve.Start(ctx, "Helm repository", http.FileServer(http.Dir(dir)))
	if err != nil {
		return nil, err
	}
	return &Server{Server: s, dir: dir}, nil
}

// URL is what a HelmRepository names.
func (s *Server) URL() string { return "http://" + s.Address }

// Publish packages the chart in a folder as this version and lists it in the index.
func (s *Server) Publish(files fs.FS, version string) error {
	var parts []*loader.BufferedFile
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		parts = append(parts, &loader.BufferedFile{Name: name, Data: data})
		return err
	})
	if err != nil {
		return fmt.Errorf("read chart: %w", err)
	}
	chart, err := loader.LoadFiles(parts)
	if err != nil {
		return fmt.Errorf("load chart: %w", err)
	}
	chart.Metadata.Version = version
	if _, err := chartutil.Save(chart, s.dir); err != nil {
		return fmt.Errorf("package %s: %w", chart.Name(), err)
	}
	index, err := repo.IndexDirectory(s.dir, s.URL())
	if err != nil {
		return fmt.Errorf("index charts: %w", err)
	}
	// Readers see the old index or the new one.
	next := filepath.Join(s.dir, ".index.yaml")
	if err := index.WriteFile(next, 0o600); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return os.Rename(next, filepath.Join(s.dir, "index.yaml"))
}
