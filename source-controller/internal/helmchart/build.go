// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// pull downloads the archive of the chart. It shows that something is going on before that takes time.
func (r *Reconciler) pull(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if err := s.run.Publish(ctx); err != nil {
		return err
	}
	archive, err := s.scratch()
	if err != nil {
		return publish.Fault(sourcev1.DirectoryCreationFailedReason, err)
	}
	s.archive = archive
	packed, err := s.from.pull(ctx, archive)
	if err != nil {
		return fault(err)
	}
	if !packed {
		s.archive = nil
		s.pulled = true
		return archive.Close()
	}
	// It has to be one before it is published.
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := helmchart.ReadMetadata(ctx, archive, r.Limits); err != nil {
		return outcome.Fail(sourcev1.ChartPullErrorReason, err)
	}
	s.pulled = true
	return nil
}

// build makes what is published: the archive as it is, or a chart with other values, dependencies or version.
func (r *Reconciler) build(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	s.built = note{Generation: s.obj.Generation}
	if s.archive != nil && s.version == s.chart.version && len(valuesFiles(s.obj)) == 0 {
		s.content = s.archive
		return nil
	}
	chart, err := r.load(ctx, s)
	if err != nil {
		return publish.Fault(sourcev1.ChartPackageErrorReason, err)
	}
	if tree, ok := s.from.(*treeChart); ok && tree.isDir {
		if err := r.addDependencies(ctx, s, chart, tree); err != nil {
			return err
		}
	}
	if err := mergeValues(s, chart); err != nil {
		return err
	}
	s.built.Packaged = true
	chart.Metadata.Version = s.version
	return r.pack(s, chart)
}

// load reads the whole chart.
func (r *Reconciler) load(ctx context.Context, s *scope) (*helmchart.Chart, error) {
	if s.archive == nil {
		tree, ok := s.from.(*treeChart)
		if !ok {
			return nil, errors.New("there is no archive of the chart")
		}
		return helmchart.LoadDir(ctx, tree.root, tree.path, r.Limits)
	}
	if _, err := s.archive.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return helmchart.LoadArchive(ctx, s.archive, r.Limits)
}

// mergeValues replaces the values of the chart by those of the values files: files of the source tree, or else of the chart.
func mergeValues(s *scope, chart *helmchart.Chart) error {
	files := helmchart.ValuesFiles{Files: valuesFiles(s.obj), IgnoreMissing: s.obj.Spec.IgnoreMissingValuesFiles}
	files.Read = func(name string) ([]byte, error) { return helmchart.File(chart, helmchart.Confine(name)) }
	if tree, ok := s.from.(*treeChart); ok {
		files.Read = tree.read
	}
	values, merged, err := files.Merge()
	if err != nil {
		return outcome.Stall(sourcev1.ValuesFilesErrorReason, err)
	}
	if len(merged) == 0 {
		return nil // the chart keeps its own
	}
	s.built.ValuesFiles = merged
	if err := helmchart.SetValues(chart, values); err != nil {
		return outcome.Stall(sourcev1.ValuesFilesErrorReason, err)
	}
	return nil
}

// pack writes the chart into a temporary file, which may be as large as an archive.
func (r *Reconciler) pack(s *scope, chart *helmchart.Chart) error {
	packed, err := s.scratch()
	if err != nil {
		return publish.Fault(sourcev1.DirectoryCreationFailedReason, err)
	}
	if err := helmchart.Package(&limitedFile{file: packed, left: r.Limits.ArchiveBytes}, chart); err != nil {
		_ = packed.Close() // its content is of no use
		return publish.Fault(sourcev1.ChartPackageErrorReason, fmt.Errorf("package chart: %w", err))
	}
	s.content = packed
	return nil
}

// limitedFile is a file that must not become larger than left bytes.
type limitedFile struct {
	file *os.File
	left int64
}

// Write implements io.Writer.
func (l *limitedFile) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, helmchart.ErrLimit
	}
	return l.file.Write(p)
}
