// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/weir-gitops/weir/hack/local/controllers"
)

func (d *demo) startControllers(ctx context.Context) (said string, err error) {
	for _, name := range controllerNames() {
		if err := d.startController(ctx, name); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s and %s; their logs are in %s", controllers.Source, controllers.Kustomize, d.short("logs")), nil
}

func (d *demo) startController(ctx context.Context, name string) error {
	identity, err := d.manifest.Identity(name)
	if err != nil {
		return err
	}
	kubeconfig, err := d.cluster.Identity(ctx, identity.Namespace, identity.ServiceAccount)
	if err != nil {
		return err
	}
	c, err := controllers.Start(ctx, controllers.Options{
		Identity: identity, Program: d.options.bin(name), Kubeconfig: kubeconfig,
		Dir: filepath.Join(d.options.data, name), Log: filepath.Join(d.options.data, "logs", name+".log"),
	})
	if c != nil {
		d.controllers = append(d.controllers, c)
	}
	return err
}

// controllerNames are those of the controllers that the demo runs.
func controllerNames() []string { return []string{controllers.Source, controllers.Kustomize} }
