// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/install"
)

// SystemNamespace is where the controllers' objects are.
const SystemNamespace = "flux-system"

// install applies the manifest, except for its pods, and makes the namespace of
// the applications.
func (e *Env) install(ctx context.Context) (install.Manifest, error) {
	config, err := e.cluster.Config()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := install.Scheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	manifest, err := install.Build(filesys.MakeFsOnDisk(), e.options.Manifests)
	if err != nil {
		return nil, err
	}
	if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fleet.Namespace}}); err != nil {
		return nil, fmt.Errorf("create namespace: %w", err)
	}
	return manifest, manifest.WithoutPods().Apply(ctx, c)
}

// startControllers starts those of the scenario with the flags of their
// Deployments, but nobody to compete with for the lead.
func (e *Env) startControllers(ctx context.Context, manifest install.Manifest) error {
	var events string
	for _, name := range controllers.Names() {
		if !slices.Contains(e.options.Controllers, name) {
			continue
		}
		identity, err := manifest.Identity(name)
		if err != nil {
			return err
		}
		kubeconfig, err := e.cluster.Identity(ctx, identity.Namespace, identity.ServiceAccount)
		if err != nil {
			return err
		}
		dir := filepath.Join(e.options.Dir, name)
		c, err := controllers.Start(ctx, controllers.Options{
			Identity: identity, Program: e.options.Programs[name], Kubeconfig: kubeconfig, Events: events,
			Dir: dir, Log: dir + ".log",
			Flags: []string{"--enable-leader-election=false"},
			Env:   []string{"HOME=" + dir, "EVENTS_ADDR="},
		})
		if c != nil {
			e.controllers = append(e.controllers, c)
		}
		if err != nil {
			return err
		}
		if name == controllers.Notification {
			events, e.Webhooks = c.EventsURL, c.WebhookURL
		}
	}
	return nil
}
