// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/weir-gitops/weir/hack/demo/internal/cluster"
	"github.com/weir-gitops/weir/hack/demo/internal/install"
	"github.com/weir-gitops/weir/hack/demo/internal/process"
)

const (
	sourceController    = "source-controller"
	kustomizeController = "kustomize-controller"

	// readyTimeout is how long a controller may take to answer its readiness probe; it needs about a second.
	readyTimeout = time.Minute
)

// startController runs one controller with the identity and the arguments of the install manifest, on free ports of this machine.
func startController(ctx context.Context, o options, c *cluster.Cluster, name string, id install.Identity) (*process.Process, error) {
	kubeconfig, err := c.Identity(ctx, id.Namespace, id.ServiceAccount)
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(ctx, 3)
	if err != nil {
		return nil, err
	}
	metrics, health, storage := addresses[0], addresses[1], addresses[2]
	data := filepath.Join(o.data, name)

	// A later flag wins over the manifest's.
	args := append(id.Args, "--metrics-addr="+metrics, "--health-addr="+health, "--events-addr=")
	if name == sourceController {
		args = append(args, "--storage-path="+data, "--storage-addr="+storage, "--storage-adv-addr="+storage)
	}
	p, err := process.Start(ctx, process.Spec{
		Name: name, Path: o.bin(name), Args: args, Log: filepath.Join(o.data, "logs", name+".log"),
		Env: []string{"KUBECONFIG=" + kubeconfig, "RUNTIME_NAMESPACE=" + id.Namespace, "TMPDIR=" + data},
	})
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, p, "http://"+health+"/readyz"); err != nil {
		return p, fmt.Errorf("%w\n%s", err, p.Tail(tailLines))
	}
	return p, nil
}

// answers waits until a URL answers 200 OK.
func answers(ctx context.Context, p *process.Process, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-p.Done():
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.Name(), context.Cause(ctx))
		}
	}
}

// freeAddresses returns loopback addresses that nobody listens on now.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // all at the end, so that none is found twice
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
