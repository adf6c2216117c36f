// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"os"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.HelmRepository
	run reconcile.Run

	files *publish.Files // storage, archive
	dir   string         // storage: for temporary files
	raw   *os.File       // download: the index as it came
	note  note           // download: what is known of the index
	// revision is that of the index which was downloaded. download
	revision string
	// unchanged says that the published artifact is what is wanted. download
	unchanged bool
	compiled  *helmindex.Compiled // compile
}

func (r *Reconciler) start(o *sourcev1.HelmRepository, run reconcile.Run) *scope {
	return &scope{obj: o, run: run, files: &publish.Files{Store: r.Store, Object: Object(o), Source: o, Status: fields(o), Run: run, LinkName: linkName}}
}

func (s *scope) stored() *publish.Files { return s.files }

// release removes the temporary files.
func (s *scope) release() {
	if s.raw != nil {
		_ = s.raw.Close() // its content is no longer needed
	}
	if s.compiled != nil {
		_ = s.compiled.Close() // the same
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "download", Reports: sourcev1.FetchFailedCondition, Run: r.download},
		{Name: "compile", Reports: sourcev1.FetchFailedCondition, Run: r.compile},
		{Name: "archive", Reports: sourcev1.StorageOperationFailedCondition, Run: r.archive},
	}
}

// storage removes old files and checks the published artifact.
func (r *Reconciler) storage(ctx context.Context, s *scope) error {
	if err := s.files.Look(ctx); err != nil {
		return err
	}
	var err error
	if s.dir, err = (helmindex.Shelf{Store: r.Store}).Dir(s.files.Object); err != nil {
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, publish.WithoutPath(err))
	}
	return nil
}
