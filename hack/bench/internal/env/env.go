// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package env brings up what a scenario runs on, a control plane of its own, the
// controllers under measurement and a Git server, and measures steps of work.
// It knows the controllers by the public API and their flags only.
package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/weir-gitops/weir/hack/bench/internal/audit"
	"github.com/weir-gitops/weir/hack/bench/internal/proc"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/cluster"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// startTimeout bounds the start of everything, on a busy machine.
const startTimeout = 3 * time.Minute

// stopTimeout bounds the end of everything after an interrupt.
const stopTimeout = time.Minute

// Options says what is measured and how.
type Options struct {
	// Cluster is an executable.
	Cluster string
	// Controllers are those to run, Programs the executable of each.
	Controllers []string
	Programs    map[string]string
	// Manifests is a kustomize folder to install, except for its pods.
	Manifests string
	// Dir is an empty folder for everything that is written.
	Dir string
	// StepTimeout bounds every step.
	StepTimeout time.Duration
	// Idle is how long to watch the controllers at rest, 0 for not at all.
	Idle time.Duration
	// Profiles is a folder for CPU profiles of the controllers, empty for none.
	Profiles string
	// ProfileTime is how much of each step is profiled, from its start.
	ProfileTime time.Duration
	// Keep leaves the control plane running.
	Keep bool
	// Progress is told what is being done.
	Progress func(format string, args ...any)
}

// Env is a control plane with controllers and a Git server.
type Env struct {
	// Client is the bench's own way to the API server.
	Client dynamic.Interface
	// Git serves the repositories of the scenario.
	Git *gitserver.Server
	// Webhooks is where webhooks are taken, if notification-controller runs.
	Webhooks string
	// Kubernetes is the version of the control plane.
	Kubernetes string
	// Steps is what was measured so far.
	Steps []result.Step

	options     Options
	cluster     *cluster.Cluster
	controllers []*controllers.Controller
	log         *audit.Log
	proc        proc.FS
}

// Start brings everything up. What was started is stopped again on failure.
func Start(ctx context.Context, options Options) (*Env, error) {
	e := &Env{options: options, proc: proc.FS{Root: "/proc"}}
	starting, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not up in %s", startTimeout))
	defer cancel()
	if err := e.up(starting); err != nil {
		return nil, errors.Join(err, e.Stop(ctx))
	}
	return e, nil
}

func (e *Env) up(ctx context.Context) error {
	if err := os.MkdirAll(e.options.Dir, 0o750); err != nil {
		return fmt.Errorf("create working folder: %w", err)
	}
	e.options.Progress("starting a control plane")
	var err error
	e.cluster, err = cluster.Up(ctx, cluster.Options{
		Program: e.options.Cluster, Dir: filepath.Join(e.options.Dir, "cluster"), Audit: true, Keep: e.options.Keep,
	})
	if err != nil {
		return err
	}
	e.log = audit.Open(e.cluster.AuditLog)
	if err := e.connect(); err != nil {
		return err
	}
	manifest, err := e.install(ctx)
	if err != nil {
		return err
	}
	if e.Git, err = gitserver.Start(ctx, filepath.Join(e.options.Dir, "git"), nil); err != nil {
		return err
	}
	e.options.Progress("starting the controllers")
	return e.startControllers(ctx, manifest)
}

// connect makes the bench's own client.
func (e *Env) connect() error {
	config, err := e.cluster.Config()
	if err != nil {
		return err
	}
	config.UserAgent = "weir-bench"
	if e.Client, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	versions, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	version, err := versions.ServerVersion()
	if err != nil {
		return fmt.Errorf("read version of the API server: %w", err)
	}
	e.Kubernetes = version.GitVersion
	return nil
}

// Stop ends everything, also after ctx was cancelled. With Options.Keep the
// control plane goes on and its kubeconfig is named.
func (e *Env) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	var errs []error
	for _, c := range e.controllers {
		errs = append(errs, c.Stop())
	}
	if e.Git != nil {
		errs = append(errs, e.Git.Close())
	}
	if e.cluster == nil {
		return errors.Join(errs...)
	}
	if e.options.Keep {
		e.options.Progress("the control plane stays: KUBECONFIG=%s, stop it with: %s", e.cluster.Kubeconfig, e.cluster.DownCommand())
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, e.cluster.Down(ctx))...)
}

// Guard derives a context that ends when one of the controllers does.
func (e *Env) Guard(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, c := range e.controllers {
		go func() {
			select {
			case <-c.Done():
				cancel(c.Err())
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(context.Canceled) }
}

// Idle is how long to watch the controllers at rest.
func (e *Env) Idle() time.Duration { return e.options.Idle }

// Progress tells the person in front what is being done.
func (e *Env) Progress(format string, args ...any) { e.options.Progress(format, args...) }
