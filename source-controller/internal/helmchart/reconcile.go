// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"io"
	"os"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.HelmChart
	run reconcile.Run

	files    *publish.Files // storage, archive
	dir      string         // storage: for temporary files
	read     bool           // source: the object was read, and has what charts are made of
	revision string         // source: of its artifact
	from     origin         // source
	chart    located        // locate
	version  string         // version: with build metadata
	// unchanged says that the published artifact is what is wanted. version
	unchanged bool
	archive   *os.File      // pull: the chart as it came
	pulled    bool          // pull: the whole phase is done
	content   io.ReadSeeker // build: what to publish
	built     note          // build: how it came about
	resolved  int           // build: dependencies that were added
}

// located is a chart in its source.
type located struct {
	name, version string
}

// origin is where a chart comes from.
type origin interface {
	// locate finds the chart and its version, of which nothing is loaded yet.
	locate(ctx context.Context) (located, error)
	// pull writes the archive of the chart to w. It reports false if there is none because the chart is a directory.
	pull(ctx context.Context, w io.Writer) (bool, error)
	// close gives back what the origin holds.
	close()
}

func (r *Reconciler) start(o *sourcev1.HelmChart, run reconcile.Run) *scope {
	object := publish.Object(sourcev1.HelmChartKind, o.Namespace, o.Name)
	return &scope{obj: o, run: run, files: &publish.Files{Store: r.Store, Object: object, Source: o, Status: fields(o), Run: run, LinkName: linkName}}
}

func (s *scope) stored() *publish.Files { return s.files }

// release gives back trees, connections and temporary files.
func (s *scope) release() {
	if s.from != nil {
		s.from.close()
	}
	if s.archive != nil {
		_ = s.archive.Close() // its content is no longer needed
	}
	if closer, ok := s.content.(io.Closer); ok && s.content != io.ReadSeeker(s.archive) {
		_ = closer.Close() // the same
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: publish.PhaseAccept, Run: r.accept},
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "source", Reports: sourcev1.FetchFailedCondition, Run: r.source},
		{Name: "locate", Reports: sourcev1.FetchFailedCondition, Run: r.locate},
		{Name: "version", Reports: sourcev1.BuildFailedCondition, Run: r.decide},
		{Name: "pull", Reports: sourcev1.FetchFailedCondition, Run: r.pull},
		{Name: "build", Reports: sourcev1.BuildFailedCondition, Run: r.build},
		{Name: "archive", Reports: sourcev1.StorageOperationFailedCondition, Run: r.archive},
	}
}

// accept refuses what this version does not act on.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	var fields publish.Unsupported
	fields.Add(s.obj.Spec.Verify != nil, "spec.verify")
	kind := s.obj.Spec.SourceRef.Kind
	fields.Value(kind == sourcev1.BucketKind, "spec.sourceRef.kind", kind)
	return fields.Outcome()
}

// storage removes old files and checks the published artifact.
func (r *Reconciler) storage(ctx context.Context, s *scope) error {
	if err := s.files.Look(ctx); err != nil {
		return err
	}
	var err error
	if s.dir, err = r.Store.StateDir(s.files.Object, scratchUse); err != nil {
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, publish.WithoutPath(err))
	}
	return nil
}

// scratchUse is the private directory of an object for temporary files.
const scratchUse = "chart"

// scratch makes a temporary file.
func (s *scope) scratch() (*os.File, error) { return store.Anonymous(s.dir) }
