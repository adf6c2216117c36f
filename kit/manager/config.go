// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/flowcontrol"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/weir-gitops/weir/kit/manager/version"
)

// flowControlTimeout bounds the question whether the API server has priority and fairness; without an answer the limits of the flags apply.
const flowControlTimeout = 10 * time.Second

// restConfig returns the configuration of the process's own client: base, or what the environment names (KUBECONFIG, service account).
// The limits of --kube-api-qps and --kube-api-burst apply only where the server does not share itself out.
// It does what fluxcd/pkg/runtime/client.GetConfigOrDie does, but returns its errors.
func (p *Program) restConfig(ctx context.Context, base *rest.Config) (*rest.Config, error) {
	if base == nil {
		found, err := config.GetConfig()
		if err != nil {
			return nil, fmt.Errorf("find the cluster: %w", err)
		}
		base = found
	}
	cfg := rest.CopyConfig(base)
	// The API server warns of the name of the finalizer, which compatibility fixes, at every write of it.
	cfg.WarningHandlerWithContext = rest.NoWarnings{}
	// The part before the slash is also the default field manager of writes.
	cfg.UserAgent = p.Name + "/" + version.String()

	ctx, cancel := context.WithTimeout(ctx, flowControlTimeout)
	defer cancel()
	limits := p.Options.Common().Client
	cfg.QPS, cfg.Burst = limits.QPS, limits.Burst
	if enabled, err := flowcontrol.IsEnabled(ctx, cfg); err == nil && enabled {
		cfg.QPS, cfg.Burst = -1, -1
	}
	return cfg, nil
}
