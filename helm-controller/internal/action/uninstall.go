// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"
	"strings"

	helmaction "helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/storage/driver"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Errors of an uninstall that a caller decides on.
var (
	// ErrNotFound says that there is no such release.
	ErrNotFound = errors.New("release not found")
	// ErrAlreadyUninstalled says that the release was uninstalled before, and its history kept.
	ErrAlreadyUninstalled = errors.New("release was already uninstalled")
	// ErrNotUpdated says that an uninstall that should have changed the storage did not.
	ErrNotUpdated = errors.New("release not updated in Helm storage")
)

// alreadyDeleted is what Helm says of a release that was uninstalled before.
const alreadyDeleted = "is already deleted"

// Uninstall removes a release, or goes on with that where it was interrupted.
func (r *Runner) Uninstall(ctx context.Context, t Target) (Outcome, error) {
	o, err := r.uninstall(ctx, t)
	switch {
	case errors.Is(err, driver.ErrReleaseNotFound):
		return o, fmt.Errorf("%w: %w", ErrNotFound, err)
	case err != nil && of(t.Object.Spec.Uninstall).KeepHistory && strings.Contains(err.Error(), alreadyDeleted):
		return o, fmt.Errorf("%w: %w", ErrAlreadyUninstalled, err)
	default:
		return o, err
	}
}

// UninstallRemediation removes a release that failed, or goes on with that.
func (r *Runner) UninstallRemediation(ctx context.Context, t Target) (Outcome, error) {
	o, err := r.uninstall(ctx, t)
	if len(o.Writes) > 0 {
		return o, err
	}
	if err == nil {
		return o, fmt.Errorf("uninstall completed with error: %w", ErrNotUpdated)
	}
	return o, fmt.Errorf("%w: %w", err, ErrNotUpdated)
}

// uninstall does not let Helm forget a release, which it does also after errors, while objects are left or the action is cut short.
func (r *Runner) uninstall(ctx context.Context, t Target) (Outcome, error) {
	newest, err := t.Store.Newest(ctx)
	if err != nil {
		return Outcome{}, err
	}
	r.Cluster.Forget(t.owner()) // what goes now is no drift
	a, err := r.begin(ctx, t, settings{serverSide: newest != nil && newest.IsServerSide(), takeOwnership: true})
	if err != nil {
		return Outcome{}, err
	}
	a.writes.BeforeEnd = a.client.Undeleted
	a.store(ctx)
	spec := of(t.Object.Spec.Uninstall)
	un := helmaction.NewUninstall(a.config)
	un.Timeout = Timeout(t.Object, release.ActionUninstall)
	un.DisableHooks, un.KeepHistory, un.Wait = spec.DisableHooks, spec.KeepHistory, !spec.DisableWait
	un.DeletionPropagation = helmv2.DeletionPropagationBackground
	if spec.DeletionPropagation != nil && *spec.DeletionPropagation != "" {
		un.DeletionPropagation = *spec.DeletionPropagation
	}
	_, err = un.Run(t.Name)
	return a.outcome(), a.explained(err)
}

// explained adds to an error of an uninstall what Helm only logs: which objects could not be deleted, and why.
func (a *run) explained(err error) error {
	if err == nil || !strings.HasPrefix(err.Error(), "failed to delete release") {
		return err
	}
	if failed := a.client.DeleteError(); failed != nil {
		return fmt.Errorf("%w: %w", err, failed)
	}
	return err
}
