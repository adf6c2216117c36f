// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/render"
)

// crdTimeout bounds the wait until definitions are served. Flux: contract helm-controller, section 13.
const crdTimeout = time.Minute

// applyCRDs applies the definitions in the folders crds of a chart as the policy says, and tells whether that changed any.
func (a *run) applyCRDs(ctx context.Context, policy helmv2.CRDsPolicy, files []chart.CRD) (bool, error) {
	policies := []helmv2.CRDsPolicy{helmv2.CRDsSkip, helmv2.CRDsCreate, helmv2.CRDsCreateReplace}
	if policy == "" {
		policy = helmv2.CRDsCreate
	}
	if !slices.Contains(policies, policy) {
		return false, fmt.Errorf("invalid policy %q, valid are %q", policy, policies)
	}
	if policy == helmv2.CRDsSkip || len(files) == 0 {
		return false, nil
	}
	crds, others, err := kube.Definitions(a.crds, render.OriginLabels(a.owner()))
	if err != nil {
		return false, err
	}
	if len(others) > 0 {
		a.Log.Info("the chart has objects other than CustomResourceDefinitions among those, which are left out", "objects", strings.Join(others, ", "))
	}
	changed, err := a.client.ApplyDefinitions(ctx, crds, policy == helmv2.CRDsCreateReplace)
	if err != nil || len(changed) == 0 {
		return false, err
	}
	return true, a.client.AwaitDefinitions(ctx, changed, crdTimeout)
}
