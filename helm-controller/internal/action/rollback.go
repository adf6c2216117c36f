// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"

	helmaction "helm.sh/helm/v3/pkg/action"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Rollback makes a revision that is a copy of an earlier one.
func (r *Runner) Rollback(ctx context.Context, t Target, version int) (Outcome, error) {
	spec := of(t.Object.Spec.Rollback)
	if spec.Recreate {
		t.Log.Info("spec.rollback.recreate is deprecated and has no effect")
	}
	before, err := t.Store.Revision(ctx, version)
	if err != nil {
		return Outcome{}, err
	}
	if before == nil {
		return Outcome{}, fmt.Errorf("release has no %d version", version)
	}
	a, err := r.begin(ctx, t, settings{serverSide: serverSide(spec.ServerSideApply, before), takeOwnership: true})
	if err != nil {
		return Outcome{}, err
	}
	back := helmaction.NewRollback(a.config)
	back.Version = version
	back.Timeout = Timeout(t.Object, release.ActionRollback)
	back.Wait, back.WaitForJobs = !spec.DisableWait, !spec.DisableWaitForJobs
	back.DisableHooks, back.Force, back.CleanupOnFail = spec.DisableHooks, spec.Force, spec.CleanupOnFail
	back.MaxHistory = t.Object.GetMaxHistory()
	err = back.Run(t.Name)
	a.settle(err)
	return a.outcome(), err
}
