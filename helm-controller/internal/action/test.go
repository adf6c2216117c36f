// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	helmaction "helm.sh/helm/v3/pkg/action"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Test runs the test hooks of the newest revision.
func (r *Runner) Test(ctx context.Context, t Target) (Outcome, error) {
	newest, err := t.Store.Newest(ctx)
	if err != nil {
		return Outcome{}, err
	}
	a, err := r.begin(ctx, t, settings{serverSide: newest != nil && newest.IsServerSide(), takeOwnership: true})
	if err != nil {
		return Outcome{}, err
	}
	spec := of(t.Object.Spec.Test)
	test := helmaction.NewReleaseTesting(a.config)
	test.Namespace = t.Namespace
	test.Timeout = Timeout(t.Object, release.ActionTest)
	for _, f := range spec.Filters {
		key := helmaction.IncludeNameFilter
		if f.Exclude {
			key = helmaction.ExcludeNameFilter
		}
		test.Filters[key] = append(test.Filters[key], f.Name)
	}
	_, err = test.Run(t.Name)
	return a.outcome(), err
}
