// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/demo/internal/cluster"
	"github.com/weir-gitops/weir/hack/demo/internal/view"
	"github.com/weir-gitops/weir/hack/local/charts"
	"github.com/weir-gitops/weir/hack/local/chat"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/install"
	"github.com/weir-gitops/weir/hack/local/registry"
)

const (
	// stopTimeout bounds the end of a demo.
	stopTimeout = 3 * time.Minute
)

// demo is what runs. Each field names the step that sets it.
type demo struct {
	options options
	start   time.Time
	scheme  *runtime.Scheme

	cluster     *cluster.Cluster          // startCluster
	client      client.Client             // startCluster
	manifest    install.Manifest          // installWeir
	server      *gitserver.Server         // startServers
	charts      *charts.Server            // startServers, for the fleet
	registry    *registry.Server          // startServers, for the fleet
	chat        *chat.Server              // startServers, for the fleet
	controllers []*controllers.Controller // startControllers
	webhooks    string                    // startControllers
	watcher     *view.Watcher             // followRepository
	token       string                    // followRepository
	signer      ssh.PublicKey             // followRepository, for the fleet
	hidden      install.Manifest          // followRepository: Secrets
	roots       install.Manifest          // followRepository
	repository  string                    // followRepository
	clone       *gitserver.Clone          // followRepository, for the fleet
}

func run(ctx context.Context, o options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.prepare(); err != nil {
		return err
	}
	d := &demo{options: o, start: time.Now()}
	if d.scheme, err = scheme(); err != nil {
		return err
	}
	// Whatever was started is stopped, also when Ctrl-C is why.
	defer func() { err = errors.Join(err, d.stop(context.WithoutCancel(ctx))) }()

	for _, step := range []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"cluster", d.startCluster},
		{"install", d.installWeir},
		{"servers", d.startServers},
		{"controllers", d.startControllers},
		{"repository", d.followRepository},
	} {
		began := time.Now()
		said, err := step.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("%-12s %s (%.1fs)\n", step.name, said, time.Since(began).Seconds())
	}
	fmt.Println()
	return d.show(ctx)
}

// scheme knows every kind that the demo or its fleet names.
func scheme() (*runtime.Scheme, error) {
	known := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(
		install.Scheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme, imagev1.AddToScheme, notificationv1.AddToScheme,
		notificationv1beta3.AddToScheme,
	)
	return known, kinds.AddToScheme(known)
}

func (d *demo) startCluster(ctx context.Context) (said string, err error) {
	if d.options.cluster == "current" {
		d.cluster, err = cluster.Current(d.options.data)
	} else {
		d.cluster, err = cluster.Local(ctx, d.options.bin("weir-cluster"), d.options.data)
	}
	if err != nil {
		return "", err
	}
	if d.client, err = client.New(d.cluster.Config, client.Options{Scheme: d.scheme}); err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	if d.options.cluster == "current" {
		return d.cluster.Description, d.consent(ctx)
	}
	return d.cluster.Description, nil
}

// consent asks before somebody's cluster is changed, and refuses one that is managed already: two would undo each other's work.
func (d *demo) consent(ctx context.Context) error {
	found, err := install.Running(ctx, d.client, namespace, controllers.Names()...)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("%s runs %s in %s already", d.cluster.Description, strings.Join(found, " and "), namespace)
	}
	if d.options.yes {
		return nil
	}
	fmt.Printf("This installs Weir's kinds and roles into %s and applies a repository to it. Go on? [y/N] ", d.cluster.Description)
	var answer string
	if _, err := fmt.Scanln(&answer); err != nil || !strings.EqualFold(answer, "y") {
		return errors.New("not confirmed; --yes does not ask")
	}
	return nil
}

func (d *demo) installWeir(ctx context.Context) (said string, err error) {
	d.manifest, err = install.Build(filesys.MakeFsOnDisk(), filepath.Join(d.options.root, "manifests", "install"))
	if err != nil {
		return "", err
	}
	applied := d.manifest.WithoutPods()
	return fmt.Sprintf("%d objects: kinds, roles, service accounts", len(applied)), applied.Apply(ctx, d.client)
}

func (d *demo) followRepository(ctx context.Context) (said string, err error) {
	if d.hidden, err = d.secrets(); err != nil {
		return "", err
	}
	if err := d.bootstrap(ctx); err != nil {
		return "", err
	}
	if d.watcher, err = view.Watch(ctx, d.cluster.Config); err != nil {
		return "", err
	}
	if err := d.hidden.Apply(ctx, d.client); err != nil {
		return "", err
	}
	said, _ = printable(d.repository)
	return said, d.roots.Apply(ctx, d.client)
}

// stop ends everything in the reverse order of the start.
func (d *demo) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var errs []error
	if d.options.cluster == "current" && d.roots != nil {
		errs = append(errs, d.leave(ctx))
	}
	for _, p := range slices.Backward(d.controllers) {
		errs = append(errs, p.Stop())
	}
	errs = append(errs, d.closeServers())
	if d.cluster != nil {
		errs = append(errs, d.cluster.Stop(ctx))
	}
	return errors.Join(errs...)
}

// short is a path in the data folder as seen from where the person is.
func (d *demo) short(name string) string {
	return relative(filepath.Join(d.options.data, name))
}

func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}
