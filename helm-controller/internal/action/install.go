// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	helmaction "helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Install makes the first revision of a release. It takes over chart and values.
func (r *Runner) Install(ctx context.Context, t Target, ch *chart.Chart, values map[string]any) (Outcome, error) {
	spec := of(t.Object.Spec.Install)
	if spec.SkipCRDs {
		t.Log.Info("spec.install.skipCRDs has no effect, set spec.install.crds to Skip instead")
	}
	onServer := !r.Helm3Defaults
	if spec.ServerSideApply != nil {
		onServer = *spec.ServerSideApply
	}
	a, err := r.begin(ctx, t, settings{serverSide: onServer, takeOwnership: !spec.DisableTakeOwnership})
	if err != nil {
		return Outcome{}, err
	}
	p, err := a.prepare(ctx, preparation{
		chart: ch, values: values, crds: spec.CRDs, skipSchema: spec.DisableSchemaValidation, timeout: Timeout(t.Object, release.ActionInstall),
		release: chartutil.ReleaseOptions{Name: t.Name, Namespace: t.Namespace, Revision: 1, IsInstall: true},
	})
	if err != nil {
		return a.outcome(), err
	}
	in := helmaction.NewInstall(a.config)
	in.ReleaseName, in.Namespace = t.Name, t.Namespace
	in.CreateNamespace = spec.CreateNamespace && t.Object.Spec.TargetNamespace != ""
	in.Timeout = Timeout(t.Object, release.ActionInstall)
	in.Wait, in.WaitForJobs = !spec.DisableWait, !spec.DisableWaitForJobs
	in.DisableHooks, in.Replace = spec.DisableHooks, spec.Replace
	in.DisableOpenAPIValidation, in.SkipSchemaValidation = spec.DisableOpenAPIValidation, true
	in.Devel, in.SkipCRDs = true, true
	in.TakeOwnership = !spec.DisableTakeOwnership
	in.PostRenderer = p
	_, err = in.RunWithContext(context.WithoutCancel(ctx), p.bare(), p.values)
	a.settle(err)
	return a.outcome(), err
}
