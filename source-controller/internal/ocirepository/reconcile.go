// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// phaseAccept names the phase that looks at the spec alone.
const phaseAccept = "accept"

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.OCIRepository
	run reconcile.Run

	found  publish.Found // storage
	looked bool          // storage: found is filled
	// link is the address of the link to the published artifact, as status tells it. storage, archive
	link       string
	repository *oci.Repository // resolve
	target     target          // resolve
	// unchanged says that the published artifact is what is wanted. resolve
	unchanged bool
	dir       string        // prepare: the private directory
	root      *os.Root      // prepare: the same
	manifest  *oci.Manifest // fetch
	fetched   bool          // fetch: the layer is below root
	// broken is why the layer could not be written to disk, which is no fault of the registry. fetch
	broken error
	stored *meta.Artifact // archive: the new artifact
}

func start(o *sourcev1.OCIRepository, run reconcile.Run) *scope {
	return &scope{obj: o, run: run}
}

// release gives back the login and removes what was unpacked.
func (s *scope) release() {
	if s.repository != nil {
		s.repository.Close()
	}
	if s.root != nil {
		// There is nobody to tell. What stays is removed by the next run that needs the directory.
		_ = s.root.Close()
		_ = os.RemoveAll(s.dir)
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: phaseAccept, Run: r.accept},
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "resolve", Reports: sourcev1.FetchFailedCondition, Run: r.resolve},
		{Name: "prepare", Reports: sourcev1.StorageOperationFailedCondition, Run: r.prepare},
		{Name: "fetch", Reports: sourcev1.FetchFailedCondition, Run: r.fetch},
		{Name: "archive", Reports: sourcev1.StorageOperationFailedCondition, Run: r.archive},
	}
}

// deletion is the run of an object that is being deleted.
func (r *Reconciler) deletion() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "remove", Reports: sourcev1.StorageOperationFailedCondition, Run: r.remove},
	}
}

// accept refuses fields that this version does not act on: to ignore them would publish something else than was asked for.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	spec := s.obj.Spec
	var fields []string
	if spec.Provider != "" && spec.Provider != sourcev1.ProviderGeneric {
		fields = append(fields, fmt.Sprintf("spec.provider '%s'", spec.Provider))
	}
	if spec.Verification != nil {
		fields = append(fields, "spec.verify")
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
	return nil
}

// prepare empties the private directory of the object.
func (r *Reconciler) prepare(_ context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	dir, err := r.Store.StateDir(object(s.obj), "layer")
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err == nil {
		dir, err = r.Store.StateDir(object(s.obj), "layer")
	}
	if err == nil {
		s.dir = dir
		s.root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, withoutPath(err))
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

// errTimeout is why an exchange with the registry, or work on a layer, was ended.
var errTimeout = errors.New("not finished in time")

// limit is the context of work that may take as long as timeout.
func limit(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("timeout of %s: %w", timeout, errTimeout))
}
