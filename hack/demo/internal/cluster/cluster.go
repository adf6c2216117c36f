// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster gives the demo a Kubernetes API server: the local cluster of this repository, or the one that the current kubeconfig names.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/weir-gitops/weir/hack/local/cluster"
)

// Cluster is an API server and the ways into it.
type Cluster struct {
	// Description is what messages call it.
	Description string
	// Kubeconfig is a file that administers it.
	Kubeconfig string
	// Config is the same as a client configuration.
	Config *rest.Config

	identity func(ctx context.Context, namespace, serviceAccount string) (string, error)
	stop     func(ctx context.Context) error
}

// Identity returns a kubeconfig file that acts as a service account.
func (c *Cluster) Identity(ctx context.Context, namespace, serviceAccount string) (string, error) {
	return c.identity(ctx, namespace, serviceAccount)
}

// Stop ends what was started for this cluster.
func (c *Cluster) Stop(ctx context.Context) error { return c.stop(ctx) }

// Current uses the current context of the kubeconfig. The context is copied into a file in dir, so that choosing another one later does not
// move what is running. Its identities are all the person's own: a cluster that belongs to somebody hands out no tokens for demos.
func Current(dir string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	loaded, err := rules.Load()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	current, ok := loaded.Contexts[loaded.CurrentContext]
	if !ok {
		return nil, fmt.Errorf("the kubeconfig has no current context; kubectl config use-context sets one")
	}
	server := "?"
	if described, ok := loaded.Clusters[current.Cluster]; ok {
		server = described.Server
	}
	if err := api.MinifyConfig(loaded); err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	if err := api.FlattenConfig(loaded); err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	path := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*loaded, path); err != nil {
		return nil, fmt.Errorf("copy kubeconfig: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1 // the API server shares itself out
	return &Cluster{
		Description: fmt.Sprintf("context %s (%s)", loaded.CurrentContext, server),
		Kubeconfig:  path,
		Config:      config,
		identity:    func(_ context.Context, _, _ string) (string, error) { return path, nil },
		stop:        func(context.Context) error { return os.Remove(path) }, // it holds credentials
	}, nil
}

// Local starts the local cluster with the program of hack/cluster. Its data are below dir; it ends with this process, however that ends.
func Local(ctx context.Context, program, dir string) (*Cluster, error) {
	local, err := cluster.Up(ctx, cluster.Options{Program: program, Dir: filepath.Join(dir, "cluster")})
	if err != nil {
		return nil, fmt.Errorf("start the local cluster: %w", err)
	}
	c := &Cluster{
		Description: fmt.Sprintf("Kubernetes %s at %s", local.Version, local.Server),
		Kubeconfig:  filepath.Join(dir, "kubeconfig"), // a short path for the person to name
		identity:    local.Identity,
		stop:        local.Down,
	}
	if c.Config, err = local.Config(); err == nil {
		err = os.Symlink(local.Kubeconfig, c.Kubeconfig)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read kubeconfig: %w", err), local.Down(ctx))
	}
	return c, nil
}
