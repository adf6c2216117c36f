// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.GitRepository
	run reconcile.Run

	files  *publish.Files // storage, archive
	mirror *git.Mirror    // storage
	remote *git.Remote    // resolve
	target git.Target     // resolve
	// unchanged says that the published artifact is what is wanted. resolve
	unchanged bool
	commit    *git.Commit // fetch
	fetched   bool        // fetch: the whole phase is done
}

func (r *Reconciler) start(o *sourcev1.GitRepository, run reconcile.Run) *scope {
	object := publish.Object(sourcev1.GitRepositoryKind, o.Namespace, o.Name)
	return &scope{obj: o, run: run, files: &publish.Files{Store: r.Store, Object: object, Source: o, Status: fields(o), Run: run}}
}

func (s *scope) stored() *publish.Files { return s.files }

// release gives back connections and files.
func (s *scope) release() {
	if s.remote != nil {
		s.remote.Close()
	}
	if s.mirror != nil {
		// Everything was read; there is nobody to tell.
		_ = s.mirror.Close()
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: publish.PhaseAccept, Run: r.accept},
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "resolve", Reports: sourcev1.FetchFailedCondition, Run: r.resolve},
		{Name: "fetch", Reports: sourcev1.FetchFailedCondition, Run: r.fetch},
		{Name: "archive", Reports: sourcev1.StorageOperationFailedCondition, Run: r.archive},
	}
}

// accept refuses fields that this version does not act on.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	var fields publish.Unsupported
	fields.Provider(s.obj.Spec.Provider)
	fields.Add(s.obj.Spec.Verification != nil, "spec.verify")
	fields.Add(len(s.obj.Spec.Include) > 0, "spec.include")
	fields.Add(s.obj.Spec.RecurseSubmodules, "spec.recurseSubmodules")
	return fields.Outcome()
}

// storage removes old files, checks the published artifact and opens the mirror.
func (r *Reconciler) storage(ctx context.Context, s *scope) error {
	if err := s.files.Look(ctx); err != nil {
		return err
	}
	dir, err := r.Store.StateDir(s.files.Object, "mirror")
	if err == nil {
		s.mirror, err = git.OpenMirror(dir)
	}
	if err != nil {
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, publish.WithoutPath(err))
	}
	return nil
}
