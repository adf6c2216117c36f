// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// phaseAccept names the phase that looks at the spec alone.
const phaseAccept = "accept"

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *sourcev1.GitRepository
	run reconcile.Run

	found  publish.Found // storage
	looked bool          // storage: found is filled
	mirror *git.Mirror   // storage
	remote *git.Remote   // resolve
	target git.Target    // resolve
	// unchanged says that the published artifact is what is wanted. resolve
	unchanged bool
	commit    *git.Commit    // fetch
	fetched   bool           // fetch: the whole phase is done
	stored    *meta.Artifact // archive: the new artifact
}

func start(o *sourcev1.GitRepository, run reconcile.Run) *scope {
	return &scope{obj: o, run: run}
}

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
		{Name: phaseAccept, Run: r.accept},
		{Name: "storage", Reports: sourcev1.StorageOperationFailedCondition, Run: r.storage},
		{Name: "resolve", Reports: sourcev1.FetchFailedCondition, Run: r.resolve},
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
	if len(spec.Include) > 0 {
		fields = append(fields, "spec.include")
	}
	if spec.RecurseSubmodules {
		fields = append(fields, "spec.recurseSubmodules")
	}
	if len(fields) == 0 {
		return nil
	}
	return outcome.Stall(sourcev1.UnsupportedReason, fmt.Errorf("not supported yet by this version: %s", strings.Join(fields, ", ")))
}

// storage removes old files, checks the published artifact and opens the mirror.
func (r *Reconciler) storage(ctx context.Context, s *scope) error {
	found, err := publish.Look(ctx, r.Store, object(s.obj), s.obj.Status.Artifact)
	s.found, s.looked = found, true
	if err != nil {
		return outcome.Fail(sourcev1.StatOperationFailedReason, err)
	}
	dir, err := r.Store.StateDir(object(s.obj), "mirror")
	if err == nil {
		s.mirror, err = git.OpenMirror(dir)
	}
	if err != nil {
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

// limit is the context of one exchange with the remote.
func limit(ctx context.Context, s *scope) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.obj.GetTimeout(), fmt.Errorf("timeout of %s: %w", s.obj.GetTimeout(), errTimeout))
}

// errTimeout is why an exchange with the remote was ended.
var errTimeout = errors.New("no answer in time")
