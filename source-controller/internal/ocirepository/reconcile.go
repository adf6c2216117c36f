// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"os"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.OCIRepository
	run reconcile.Run

	files      *publish.Files  // storage, archive
	repository *oci.Repository // resolve
	target     target          // resolve
	// unchanged says that the published artifact is what is wanted. resolve
	unchanged bool
	scratch   *store.Scratch // prepare
	root      *os.Root       // prepare: the private directory
	manifest  *oci.Manifest  // fetch
	fetched   bool           // fetch: the layer is below root
	// broken is why the layer could not be written to disk, which is no fault of the registry. fetch
	broken error
}

func (r *Reconciler) start(o *sourcev1.OCIRepository, run reconcile.Run) *scope {
	object := publish.Object(sourcev1.OCIRepositoryKind, o.Namespace, o.Name)
	return &scope{obj: o, run: run, files: &publish.Files{Store: r.Store, Object: object, Source: o, Status: fields(o), Run: run, LinkName: linkName}}
}

func (s *scope) stored() *publish.Files { return s.files }

// release gives back the login and removes what was unpacked.
func (s *scope) release() {
	if s.repository != nil {
		s.repository.Close()
	}
	if s.scratch != nil {
		_ = s.scratch.Close() // there is nobody to tell; the storage removes what stays with the next run
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: publish.PhaseAccept, Run: r.accept},
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "resolve", Reports: sourcev1.FetchFailedCondition, Run: r.resolve},
		{Name: "prepare", Reports: sourcev1.StorageOperationFailedCondition, Run: r.prepare},
		{Name: "fetch", Reports: sourcev1.FetchFailedCondition, Run: r.fetch},
		{Name: "archive", Reports: sourcev1.StorageOperationFailedCondition, Run: r.archive},
	}
}

// accept refuses fields that this version does not act on.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	var fields publish.Unsupported
	fields.Provider(s.obj.Spec.Provider)
	fields.Add(s.obj.Spec.Verification != nil, "spec.verify")
	return fields.Outcome()
}

// storage removes old files and checks the published artifact.
func (r *Reconciler) storage(ctx context.Context, s *scope) error { return s.files.Look(ctx) }

// prepare makes the private directory of the run.
func (r *Reconciler) prepare(_ context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	scratch, err := r.Store.Scratch(s.files.Object, "layer")
	if err != nil {
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, publish.WithoutPath(err))
	}
	s.scratch, s.root = scratch, scratch.Root
	return nil
}
