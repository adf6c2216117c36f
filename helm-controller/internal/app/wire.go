// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/helmrelease"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/helm-controller/internal/values"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// name is that of the program, of its events and of the field manager of what it applies.
const name = "helm-controller"

// Program describes the controller to kit/manager.
func Program() manager.Program {
	opts := NewOptions()
	return manager.Program{
		Name:    name,
		Options: opts,
		Gates:   gates(),
		Scheme:  scheme(),
		Kinds:   []client.Object{&helmv2.HelmRelease{}},
		Setup:   func(ctx context.Context, rt *manager.Runtime) error { return setup(ctx, rt, opts) },
	}
}

func scheme() *runtime.Scheme { return manager.Scheme(sourcev1.AddToScheme, helmv2.AddToScheme) }

// setup builds every dependency once and hands it down.
func setup(ctx context.Context, rt *manager.Runtime, opts *Options) error {
	// Helm knows its field manager from a variable of its package only.
	if helmkube.ManagedFieldsManager != name {
		helmkube.ManagedFieldsManager = name
	}

	if opts.Gates.Enabled(gateAdoptLegacyReleases) {
		rt.Log.Info("the feature gate " + gateAdoptLegacyReleases + " has no effect")
	}
	mgr := rt.Manager
	clusters, err := cluster.NewPool(mgr.GetConfig(), mgr.GetScheme())
	if err != nil {
		return err
	}
	own, err := clusters.Local(ctx, types.NamespacedName{})
	if err != nil {
		return err
	}
	waker := &reconcile.Waker{}
	target, err := kube.New(kube.Config{
		Clients: own, OverrideManagers: opts.OverrideManagers, Wake: waker.Wake, Logger: rt.Log.WithName("cluster"),
	})
	if err != nil {
		return err
	}
	artifacts, err := newArtifacts(rt, opts)
	if err != nil {
		return err
	}
	keeper, err := newKeeper(rt, opts)
	if err != nil {
		return err
	}
	if err := errors.Join(mgr.Add(target), addOOMWatch(rt, opts)); err != nil {
		return fmt.Errorf("add parts of the manager: %w", err)
	}
	r := &helmrelease.Reconciler{
		Options: reconcilerOptions(opts), Dependencies: rt.Dependencies(),
		Sources: sourceReader(mgr, opts), Values: values.NewReader(mgr.GetClient()),
		Artifacts: artifacts, Clusters: clusters,
		Runner: &action.Runner{
			Cluster: target, Helm3Defaults: opts.Gates.Enabled(gateHelm3Defaults), AllowDNS: opts.Gates.Enabled(gateAllowDNSLookups), Keeper: keeper,
		},
		Slots: helmrelease.NewSlots(opts.Concurrent),
		Waker: waker,
	}
	r.Storage = storage.NewLedger(storage.LedgerOptions{
		Metadata:  own.Metadata,
		Namespace: opts.WatchedNamespace(),
		Changed:   func(k storage.Key) { r.Released(ctx, k) },
		Logger:    rt.Log.WithName("storage"),
	})
	if err := mgr.Add(r.Storage); err != nil {
		return fmt.Errorf("add storage ledger: %w", err)
	}
	return r.Setup(ctx, mgr, rt.ControllerOptions())
}

func sourceReader(mgr ctrl.Manager, opts *Options) client.Reader {
	if opts.Gates.Enabled(gateDirectSourceFetch) {
		return mgr.GetAPIReader()
	}
	return mgr.GetClient()
}

func reconcilerOptions(opts *Options) helmrelease.Options {
	return helmrelease.Options{
		RequeueDependency:       opts.DependencyRetry,
		MinRetry:                opts.RateLimit.MinRetryDelay,
		MaxRetry:                opts.RateLimit.MaxRetryDelay,
		Access:                  opts.Access,
		DefaultServiceAccount:   opts.DefaultServiceAccount,
		Algorithm:               artifact.Algorithm(opts.DigestAlgorithm),
		Release:                 release.Gates{DefaultToRetryOnFailure: opts.Gates.Enabled(gateRetryOnFailure)},
		ExternalArtifacts:       opts.Gates.Enabled(gateExternalArtifact),
		AdditiveDependencyCheck: opts.Gates.Enabled(gateAdditiveDependencyCheck),
		CancelHealthChecks:      opts.Gates.Enabled(gateCancelHealthCheck),
		NoDigestTracking:        opts.Gates.Enabled(gateNoDigestTracking),
		WatchConfigs:            !opts.Gates.Enabled(gateNoConfigWatchers),
	}
}

func newArtifacts(rt *manager.Runtime, opts *Options) (*fetch.Cache, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = standard.Clone()
	}
	transport.DisableCompression = true // the bytes of the archive are what the digest is about
	cache, err := fetch.New(fetch.Options{
		Dir:      opts.ArtifactCachePath,
		MaxBytes: opts.ArtifactCacheSize,
		Retries:  opts.HTTPRetry,
		Client:   &http.Client{Transport: transport, Timeout: opts.HTTPTimeout},
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

func addOOMWatch(rt *manager.Runtime, opts *Options) error {
	if !opts.Gates.Enabled(gateOOMWatch) {
		return nil
	}
	watcher, err := newOOMWatcher(opts.OOM, cgroupRoot, rt.Log.WithName("oom-watch"))
	if err != nil {
		return err
	}
	return rt.Manager.Add(watcher)
}
