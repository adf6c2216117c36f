// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// phaseAccept names the phase that looks at the spec alone.
const phaseAccept = "accept"

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.HelmChart
	run reconcile.Run

	found    publish.Found // storage
	looked   bool          // storage: found is filled
	dir      string        // storage: for temporary files
	link     string        // storage, archive: address of the link to the artifact
	read     bool          // source: the object was read
	revision string        // source: of its artifact
	from     origin        // source
	chart    located       // locate
	version  string        // version: with build metadata
	// unchanged says that the published artifact is what is wanted. version
	unchanged bool
	archive   *os.File       // pull: the chart as it came
	pulled    bool           // pull: the whole phase is done
	content   io.ReadSeeker  // build: what to publish
	built     note           // build: how it came about
	resolved  int            // build: dependencies that were added
	stored    *meta.Artifact // archive: the new artifact
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

func start(o *sourcev1.HelmChart, run reconcile.Run) *scope {
	return &scope{obj: o, run: run}
}

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
		{Name: phaseAccept, Run: r.accept},
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "source", Reports: sourcev1.FetchFailedCondition, Run: r.source},
		{Name: "locate", Reports: sourcev1.FetchFailedCondition, Run: r.locate},
		{Name: "version", Reports: sourcev1.BuildFailedCondition, Run: r.decide},
		{Name: "pull", Reports: sourcev1.FetchFailedCondition, Run: r.pull},
		{Name: "build", Reports: sourcev1.BuildFailedCondition, Run: r.build},
		{Name: "archive", Reports: sourcev1.StorageOperationFailedCondition, Run: r.archive},
	}
}

// deletion is the run of an object that is being deleted.
func (r *Reconciler) deletion() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "remove", Reports: sourcev1.StorageOperationFailedCondition, Run: r.remove},
	}
}

// accept refuses what this version does not act on: to ignore it would publish something else than was asked for.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	var fields []string
	if s.obj.Spec.Verify != nil {
		fields = append(fields, "spec.verify")
	}
	if kind := s.obj.Spec.SourceRef.Kind; kind == sourcev1.BucketKind {
		fields = append(fields, fmt.Sprintf("spec.sourceRef.kind '%s'", kind))
	}
	if len(fields) == 0 {
		return nil
	}
	return outcome.Stall(sourcev1.UnsupportedReason, fmt.Errorf("not supported yet by this version: %s", strings.Join(fields, ", ")))
}

// storage removes old files and checks the published artifact.
func (r *Reconciler) storage(ctx context.Context, s *scope) error {
	found, err := publish.Look(ctx, r.Store, object(s.obj), s.obj.Status.Artifact)
	s.found, s.looked = found, true
	s.link = publish.Relink(r.Store, found.Artifact, s.obj.Status.URL, linkName)
	if err != nil {
		return outcome.Fail(sourcev1.StatOperationFailedReason, err)
	}
	if s.dir, err = r.Store.StateDir(object(s.obj), scratchUse); err != nil {
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, err)
	}
	return nil
}

// remove deletes everything that is stored for the object.
func (r *Reconciler) remove(_ context.Context, s *scope) error {
	if err := r.Store.RemoveObject(object(s.obj)); err != nil {
		return outcome.Fail(sourcev1.GarbageCollectionFailedReason, fmt.Errorf("remove stored files: %w", err))
	}
	return nil
}

// scratchUse is the private directory of an object for temporary files.
const scratchUse = "chart"

// scratch makes a temporary file.
func (s *scope) scratch() (*os.File, error) { return helmindex.Scratch(s.dir) }

// errTimeout is why an exchange with a server was ended.
var errTimeout = errors.New("no answer in time")
