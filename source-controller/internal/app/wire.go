// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/serve"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/source-controller/internal/gitrepository"
	"github.com/weir-gitops/weir/source-controller/internal/ocirepository"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// name is that of the program, of its lease and of its events.
const name = "source-controller"

// Program describes the controller to kit/manager.
func Program() manager.Program {
	opts := NewOptions()
	return manager.Program{
		Name:    name,
		Options: opts,
		Gates:   gates(),
		Scheme:  scheme(),
		Kinds:   []client.Object{&sourcev1.GitRepository{}, &sourcev1.OCIRepository{}, &sourcev1.HelmRepository{}, &sourcev1.HelmChart{}},
		Setup:   func(ctx context.Context, rt *manager.Runtime) error { return setup(ctx, rt, opts) },
	}
}

func scheme() *runtime.Scheme { return manager.Scheme(sourcev1.AddToScheme) }

// setup builds every dependency once and hands it down.
func setup(ctx context.Context, rt *manager.Runtime, opts *Options) error {
	artifacts, err := opts.store()
	if err != nil {
		return err
	}
	if err := rt.Manager.Add(&serve.Server{Addr: opts.StorageAddr, Root: artifacts.Root()}); err != nil {
		return fmt.Errorf("add artifact server: %w", err)
	}
	base := publish.Base{
		Dependencies: rt.Dependencies(), Secrets: &auth.Reader{Client: rt.Manager.GetClient()}, Store: artifacts,
	}
	registries := oci.NewClient(oci.Options{})
	repositories := &gitrepository.Reconciler{Base: base, SSH: opts.SSH}
	images := &ocirepository.Reconciler{Base: base, Registries: registries}
	return errors.Join(
		repositories.Setup(rt.Manager, rt.ControllerOptions()),
		images.Setup(rt.Manager, rt.ControllerOptions()),
		setupHelm(ctx, rt, opts, shared{Base: base, registries: registries}),
	)
}
