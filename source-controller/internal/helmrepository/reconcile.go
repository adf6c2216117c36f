// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/meta"

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

	found  publish.Found // storage
	looked bool          // storage: found is filled
	dir    string        // storage: for temporary files
	raw    *os.File      // download: the index as it came
	note   note          // download: what is known of the index
	// unchanged says that the published artifact is what is wanted. download
	unchanged bool
	compiled  *helmindex.Compiled // compile
	stored    *meta.Artifact      // archive: the new artifact
	link      string              // storage, archive: address of the link to the artifact
}

func start(o *sourcev1.HelmRepository, run reconcile.Run) *scope {
	return &scope{obj: o, run: run}
}

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

// deletion is the run of an object that is being deleted.
func (r *Reconciler) deletion() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "remove", Reports: sourcev1.StorageOperationFailedCondition, Run: r.remove},
	}
}

// storage removes old files and checks the published artifact.
func (r *Reconciler) storage(ctx context.Context, s *scope) error {
	found, err := publish.Look(ctx, r.Store, object(s.obj), s.obj.Status.Artifact)
	s.found, s.looked = found, true
	s.link = publish.Relink(r.Store, found.Artifact, s.obj.Status.URL, linkName)
	if err != nil {
		return outcome.Fail(sourcev1.StatOperationFailedReason, err)
	}
	if s.dir, err = (helmindex.Shelf{Store: r.Store}).Dir(object(s.obj)); err != nil {
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
