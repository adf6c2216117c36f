// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/pprof"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/manager/version"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// shutdownMargin is what the manager gets beyond the time that it grants its reconciles: giving the lease back takes one request. A manager that
// hangs must leave time for the last events within what the Deployment grants the pod.
const shutdownMargin = 500 * time.Millisecond

// Runtime is what a running program offers to Setup.
type Runtime struct {
	// Manager is the controller-runtime manager; add controllers and runnables to it.
	Manager ctrl.Manager
	// Options are the shared flags as parsed.
	Options *CommonOptions
	// Events records events. It never blocks, and delivers what it has after the last reconcile ended.
	Events *events.Recorder
	// Metrics records durations of reconciles.
	Metrics *Metrics
	// Registry takes further collectors; what it holds is served with the metrics of the process.
	Registry prometheus.Registerer
	// Log is the logger of the process.
	Log logr.Logger
	// Jitter spreads an interval by up to --interval-jitter-percentage in either direction. It may be called from any goroutine.
	Jitter func(time.Duration) time.Duration

	shared bool
	ends   []func() error
}

// ControllerOptions returns the options of one controller. Call it once for each kind: the rate limiter inside counts failures by name of
// the object and must not be shared.
func (rt *Runtime) ControllerOptions() ctrlcontroller.Options {
	return ctrlcontroller.Options{
		MaxConcurrentReconciles: rt.Options.Concurrent,
		RateLimiter:             controller.GetRateLimiter(rt.Options.RateLimit),
		RecoverPanic:            new(true),
		NeedLeaderElection:      new(true),
		SkipNameValidation:      new(rt.shared),
	}
}

// Dependencies returns what the reconcilers of every kind need of the process.
func (rt *Runtime) Dependencies() reconcile.Dependencies {
	return reconcile.Dependencies{
		Client: rt.Manager.GetClient(), Live: rt.Manager.GetAPIReader(),
		Recorder: rt.Events, Metrics: rt.Metrics, Jitter: rt.Jitter, Clock: time.Now,
	}
}

// AtEnd has something closed after the last reconcile has ended, in the order of the calls. It is left open when reconciles do not end in time.
func (rt *Runtime) AtEnd(end func() error) { rt.ends = append(rt.ends, end) }

// close closes what Setup has asked for.
func (rt *Runtime) close() error {
	var errs []error
	for _, end := range rt.ends {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// run brings the manager up and stays until ctx ends.
func (p *Program) run(ctx context.Context, log logr.Logger) error {
	rt, err := p.runtime(ctx, log)
	if err != nil {
		return err
	}
	if err := p.Setup(ctx, rt); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	log.WithName("setup").Info("starting", "version", version.String())

	// The recorder outlives the manager, which stops its own runnables before the reconciles that still send events.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var recorder sync.WaitGroup
	var recorderErr error
	recorder.Go(func() { recorderErr = rt.Events.Start(background) })
	err = within(ctx, rt.Manager.Start, p.Options.Common().reconcilesEnd()+shutdownMargin)
	if !errors.Is(err, errNotEnded) {
		err = errors.Join(err, rt.close())
	}
	stop()
	recorder.Wait()
	return errors.Join(err, recorderErr)
}

// errNotEnded says that reconciles may still be under way.
var errNotEnded = errors.New("the manager has not ended")

// within runs start until it returns, or until the given time has passed since ctx ended. controller-runtime never returns, and keeps a core
// busy, when it is told to end while its caches wait for an API server that does not answer.
func within(ctx context.Context, start func(context.Context) error, limit time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- start(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("%w within %s", errNotEnded, limit)
	}
}

func (p *Program) runtime(ctx context.Context, log logr.Logger) (*Runtime, error) {
	common := p.Options.Common()
	cfg, err := p.restConfig(ctx, p.Config)
	if err != nil {
		return nil, err
	}
	opts, err := p.managerOptions(log)
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("create manager: %w", err)
	}
	if err := errors.Join(mgr.AddReadyzCheck("ping", healthz.Ping), mgr.AddHealthzCheck("ping", healthz.Ping)); err != nil {
		return nil, fmt.Errorf("add probes: %w", err)
	}
	registry := replacing{ctrlmetrics.Registry}
	metrics, err := newMetrics(registry)
	if err != nil {
		return nil, err
	}
	recorder, err := events.New(events.Options{
		Controller: p.Name,
		Address:    common.EventsAddr,
		Config:     cfg,
		Scheme:     p.Scheme,
		Log:        log.WithName("events"),
		Registerer: registry,
	})
	if err != nil {
		return nil, fmt.Errorf("create event recorder: %w", err)
	}
	return &Runtime{
		Manager:  mgr,
		Options:  common,
		Events:   recorder,
		Metrics:  metrics,
		Registry: registry,
		Log:      log,
		Jitter:   spread(common.Jitter.Percentage),
		shared:   p.Config != nil,
	}, nil
}

func (p *Program) managerOptions(log logr.Logger) (ctrl.Options, error) {
	common := p.Options.Common()
	cacheOpts, err := p.cacheOptions()
	if err != nil {
		return ctrl.Options{}, err
	}
	opts := ctrl.Options{
		Scheme:                        p.Scheme,
		Logger:                        log,
		Cache:                         cacheOpts,
		Metrics:                       metricsserver.Options{BindAddress: common.MetricsAddr, ExtraHandlers: pprof.GetHandlers()},
		HealthProbeBindAddress:        common.HealthAddr,
		LeaderElection:                common.LeaderElection.Enable,
		LeaderElectionID:              common.leaseName(p.Name),
		LeaderElectionNamespace:       common.Namespace,
		LeaderElectionReleaseOnCancel: common.LeaderElection.ReleaseOnCancel,
		LeaseDuration:                 &common.LeaderElection.LeaseDuration,
		RenewDeadline:                 &common.LeaderElection.RenewDeadline,
		RetryPeriod:                   &common.LeaderElection.RetryPeriod,
		GracefulShutdownTimeout:       new(common.reconcilesEnd()),
		Controller:                    config.Controller{RecoverPanic: new(true), SkipNameValidation: new(p.Config != nil)},
	}
	// An informer for all accounts of the cluster, to read the one that an object names, would be a poor trade.
	live := []client.Object{&corev1.ServiceAccount{}}
	if !common.Gates.Enabled(GateCacheSecretsAndConfigMaps) {
		live = append(live, &corev1.Secret{}, &corev1.ConfigMap{})
	}
	opts.Client.Cache = &client.CacheOptions{DisableFor: live}
	return opts, nil
}

// cacheOptions bounds what informers hold: the reconciled kinds to the shard, everything to the wanted namespace, nothing with managedFields.
// While Secrets and ConfigMaps are read live, the informers behind watches of them hold only those with the watch label.
func (p *Program) cacheOptions() (cache.Options, error) {
	common := p.Options.Common()
	shard, err := controller.GetWatchSelector(common.Watch)
	if err != nil {
		return cache.Options{}, fmt.Errorf("parse --watch-label-selector: %w", err)
	}
	opts := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         make(map[client.Object]cache.ByObject, len(p.Kinds)),
	}
	for _, kind := range p.Kinds {
		opts.ByObject[kind] = cache.ByObject{Label: shard}
	}
	if only := common.WatchedNamespace(); only != "" {
		opts.DefaultNamespaces = map[string]cache.Config{only: {}}
	}
	if !common.Gates.Enabled(GateCacheSecretsAndConfigMaps) {
		watched, err := labels.Parse(common.Watch.ConfigsLabelSelector)
		if err != nil {
			return cache.Options{}, fmt.Errorf("parse --watch-configs-label-selector: %w", err)
		}
		opts.ByObject[&corev1.Secret{}] = cache.ByObject{Label: watched}
		opts.ByObject[&corev1.ConfigMap{}] = cache.ByObject{Label: watched}
	}
	return opts, nil
}

// spread returns the jitter function. It is not fluxcd/pkg/runtime/jitter.Percent, whose random source must not be used by several goroutines.
func spread(percent uint8) func(time.Duration) time.Duration {
	return func(d time.Duration) time.Duration {
		return d + time.Duration(float64(d)*float64(percent)/100*(2*rand.Float64()-1)) //nolint:gosec // spreads load, guards no secret
	}
}
