// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kustomize-controller/internal/kustomization"
)

// name is that of the program, of its events and of the field manager of what it applies.
const name = "kustomize-controller"

// Program describes the controller to kit/manager.
func Program() manager.Program {
	opts := NewOptions()
	return manager.Program{
		Name:    name,
		Options: opts,
		Gates:   gates(),
		Scheme:  scheme(),
		Kinds:   []client.Object{&kustomizev1.Kustomization{}},
		Setup:   func(ctx context.Context, rt *manager.Runtime) error { return setup(ctx, rt, opts) },
	}
}

func scheme() *runtime.Scheme { return manager.Scheme(sourcev1.AddToScheme, kustomizev1.AddToScheme) }

// setup builds every dependency once and hands it down.
func setup(ctx context.Context, rt *manager.Runtime, opts *Options) error {
	mgr := rt.Manager
	clusters, err := cluster.NewPool(mgr.GetConfig(), mgr.GetScheme())
	if err != nil {
		return err
	}
	waker := &reconcile.Waker{}
	engine, err := newEngine(ctx, clusters, waker, rt, opts)
	if err != nil {
		return err
	}
	artifacts, err := newArtifacts(rt, opts)
	if err != nil {
		return err
	}
	marks, err := kustomization.OpenMarks(filepath.Join(opts.ArtifactCachePath, "building"), time.Now)
	if err != nil {
		return err
	}
	rt.AtEnd(marks.Close)
	if n := marks.Interrupted(); n > 0 {
		rt.Log.Info("the last process ended during builds, which are done one at a time now", "builds", n)
	}
	kustomize.BoundRemotes()
	builder, err := kustomize.NewBuilder(kustomize.BuilderOptions{MaxCacheBytes: opts.BuildCacheSize, Registerer: rt.Registry})
	if err != nil {
		return err
	}
	if err := mgr.Add(engine); err != nil {
		return fmt.Errorf("add apply engine: %w", err)
	}
	sources := client.Reader(mgr.GetClient())
	if opts.Gates.Enabled(gateDirectSourceFetch) {
		sources = mgr.GetAPIReader()
	}
	r := &kustomization.Reconciler{
		Options: kustomization.Options{
			RequeueDependency:       opts.DependencyRetry,
			Access:                  opts.Access,
			DefaultServiceAccount:   opts.DefaultServiceAccount,
			AllowRemoteBases:        !opts.NoRemoteBases,
			ExternalArtifacts:       opts.Gates.Enabled(gateExternalArtifact),
			AdditiveDependencyCheck: opts.Gates.Enabled(gateAdditiveDependencyCheck),
			StrictSubstitutions:     opts.Gates.Enabled(gateStrictSubstitutions),
			FailFast:                !opts.Gates.Enabled(gateNoFailFast),
			GroupChangeLog:          opts.Gates.Enabled(gateGroupChangeLog),
			WatchConfigs:            !opts.Gates.Enabled(gateNoConfigWatchers),
		},
		Dependencies: rt.Dependencies(), Sources: sources, Secrets: &auth.Reader{Client: mgr.GetClient()},
		Engine: engine, Marks: marks, Builder: builder, Artifacts: artifacts, Clusters: clusters, Waker: waker,
	}
	return r.Setup(ctx, mgr, rt.ControllerOptions())
}

func newEngine(ctx context.Context, clusters *cluster.Pool, waker *reconcile.Waker, rt *manager.Runtime, opts *Options) (*apply.Engine, error) {
	own, err := clusters.Local(ctx, types.NamespacedName{})
	if err != nil {
		return nil, err
	}
	stageKinds, err := apply.ParseStageKinds(opts.StageKinds)
	if err != nil {
		return nil, err
	}
	return apply.New(apply.Config{
		Field:             name,
		Group:             kustomizev1.Group,
		Watch:             apply.Clients{Dynamic: own.Dynamic, Metadata: own.Metadata, Mapper: own.Mapper},
		Concurrency:       opts.ConcurrentSSA,
		OverrideManagers:  opts.OverrideManagers,
		CustomStageKinds:  stageKinds,
		MigrateAPIVersion: opts.Gates.Enabled(gateMigrateAPIVersion),
		Wake:              func(owner apply.Owner) { waker.Wake(types.NamespacedName(owner)) },
		Logger:            rt.Log.WithName("apply"),
	})
}

func newArtifacts(rt *manager.Runtime, opts *Options) (*fetch.Cache, error) {
	cache, err := fetch.New(fetch.Options{
		Dir:      opts.ArtifactCachePath,
		MaxBytes: opts.ArtifactCacheSize,
		Retries:  opts.HTTPRetry,
		// For development: the addresses in the status of sources lead into the cluster.
		SourceControllerHost: os.Getenv("SOURCE_CONTROLLER_LOCALHOST"),
		SourceWatcherHost:    os.Getenv("SOURCE_WATCHER_LOCALHOST"),
		Registerer:           rt.Registry,
	})
	if err != nil {
		return nil, fmt.Errorf("open artifact cache: %w", err)
	}
	rt.AtEnd(cache.Close)
	return cache, nil
}
