// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/imageupdateautomation"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/manager"
)

// name is that of the program, of its lease and of its events.
const name = "image-automation-controller"

// Program describes the controller to kit/manager. ImagePolicies are not among the kinds that --watch-label-selector splits: policies of other
// shards have to be seen by automations. Flux: image-automation-controller contract, "Status and triggers", label selector rule.
func Program() manager.Program {
	opts := NewOptions()
	return manager.Program{
		Name:    name,
		Options: opts,
		Gates:   gates(),
		Scheme:  scheme(),
		Kinds:   []client.Object{&imagev1.ImageRepository{}, &imagev1.ImageUpdateAutomation{}},
		Setup:   func(ctx context.Context, rt *manager.Runtime) error { return setup(ctx, rt, opts) },
	}
}

func scheme() *runtime.Scheme { return manager.Scheme(sourcev1.AddToScheme, imagev1.AddToScheme) }

// setup builds every dependency once and hands it down.
func setup(ctx context.Context, rt *manager.Runtime, opts *Options) error {
	secrets := &auth.Reader{Client: rt.Manager.GetClient()}
	if err := setupScans(ctx, rt, opts, secrets); err != nil {
		return err
	}
	return setupAutomations(ctx, rt, opts, secrets)
}

// setupAutomations registers ImageUpdateAutomation.
func setupAutomations(ctx context.Context, rt *manager.Runtime, opts *Options, secrets *auth.Reader) error {
	mirrors, err := imageupdateautomation.NewMirrors(opts.GitCachePath)
	if err != nil {
		return fmt.Errorf("--git-cache-path: %w", err)
	}
	if err := mirrors.Sweep(ctx, rt.Manager.GetAPIReader(), opts.WatchedNamespace()); err != nil {
		return err
	}
	r := &imageupdateautomation.Reconciler{
		Options: imageupdateautomation.Options{
			Access:              opts.Access,
			ForcePushBranch:     opts.Gates.Enabled(gateForcePushBranch),
			ContinuePushBranch:  opts.Gates.Enabled(gateAllReferences),
			ObjectLevelIdentity: opts.Gates.Enabled(gateObjectLevelIdentity),
			SSH:                 opts.SSH,
		},
		Dependencies: rt.Dependencies(), Secrets: secrets, Mirrors: mirrors,
	}
	return r.Setup(ctx, rt.Manager, rt.ControllerOptions())
}
