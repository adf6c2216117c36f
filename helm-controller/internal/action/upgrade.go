// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"

	helmaction "helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Upgrade makes another revision of a release. It takes over chart and values.
func (r *Runner) Upgrade(ctx context.Context, t Target, ch *chart.Chart, values map[string]any) (Outcome, error) {
	spec := of(t.Object.Spec.Upgrade)
	newest, err := t.Store.Newest(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if newest == nil {
		return Outcome{}, driver.NewErrNoDeployedReleases(t.Name)
	}
	a, err := r.begin(ctx, t, settings{serverSide: serverSide(spec.ServerSideApply, newest), takeOwnership: !spec.DisableTakeOwnership})
	if err != nil {
		return Outcome{}, err
	}
	if spec.PreserveValues {
		if values, err = a.preserve(ch, values); err != nil {
			return a.outcome(), err
		}
	}
	p, err := a.prepare(ctx, preparation{
		chart: ch, values: values, crds: spec.CRDs, skipSchema: spec.DisableSchemaValidation, timeout: Timeout(t.Object, release.ActionUpgrade),
		release: chartutil.ReleaseOptions{Name: t.Name, Namespace: newest.Namespace, Revision: newest.Version + 1, IsUpgrade: true},
	})
	if err != nil {
		return a.outcome(), err
	}
	up := helmaction.NewUpgrade(a.config)
	up.Namespace = t.Namespace
	up.Timeout = Timeout(t.Object, release.ActionUpgrade)
	up.Wait, up.WaitForJobs = !spec.DisableWait, !spec.DisableWaitForJobs
	up.DisableHooks, up.Force, up.CleanupOnFail = spec.DisableHooks, spec.Force, spec.CleanupOnFail
	up.DisableOpenAPIValidation, up.SkipSchemaValidation = spec.DisableOpenAPIValidation, true
	up.Devel, up.SkipCRDs = true, true
	up.ResetValues = true // values that are preserved are merged already
	up.MaxHistory = t.Object.GetMaxHistory()
	up.TakeOwnership = !spec.DisableTakeOwnership
	up.PostRenderer = p
	_, err = up.RunWithContext(context.WithoutCancel(ctx), t.Name, p.bare(), p.values)
	a.settle(err)
	return a.outcome(), err
}

// preserve lays values over those of the release that is upgraded, as Helm does for --reuse-values.
func (a *run) preserve(ch *chart.Chart, values map[string]any) (map[string]any, error) {
	current, err := a.current()
	if err != nil {
		return nil, err
	}
	old, err := chartutil.CoalesceValues(current.Chart, current.Config)
	if err != nil {
		return nil, fmt.Errorf("failed to rebuild old values: %w", err)
	}
	ch.Values = old
	return chartutil.CoalesceTables(values, current.Config), nil
}

// current returns the revision that Helm upgrades: the deployed one, or the newest one if none is.
func (a *run) current() (*helmrelease.Release, error) {
	last, err := a.config.Releases.Last(a.Name)
	if err != nil {
		return nil, err
	}
	if last.Info.Status == helmrelease.StatusDeployed {
		return last, nil
	}
	deployed, err := a.config.Releases.Deployed(a.Name)
	if errors.Is(err, driver.ErrNoDeployedReleases) && (last.Info.Status == helmrelease.StatusFailed || last.Info.Status == helmrelease.StatusSuperseded) {
		return last, nil
	}
	return deployed, err
}
