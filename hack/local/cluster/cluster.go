// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster starts and stops the local control plane with the weir-cluster command of hack/cluster, by the contract in its README.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/weir-gitops/weir/hack/local/process"
)

// wait is how long the start may take on a busy machine, as a duration.
const wait = "2m"

// Options says how to start a control plane.
type Options struct {
	// Program is the weir-cluster command.
	Program string
	// Dir is the folder for its data and logs.
	Dir string
	// Audit makes the control plane log every request.
	Audit bool
	// Keep lets it live longer than this process.
	Keep bool
}

// Cluster is a running control plane.
type Cluster struct {
	// Server is the URL of the API server, Version that of Kubernetes.
	Server  string `json:"server"`
	Version string `json:"version"`
	// Kubeconfig is the file of its administrator.
	Kubeconfig string `json:"kubeconfig"`
	// AuditLog is the file with the requests, if wanted.
	AuditLog string `json:"auditLog"`
	// Processes are the ids of its processes by component.
	Processes map[string]int `json:"pids"`

	options Options
}

// Up starts a control plane and waits until it is ready. It ends with Down or, unless it is to be kept, with this process, however that ends.
func Up(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{options: o}
	args := []string{"--output=json", "--wait=" + wait}
	if o.Audit {
		args = append(args, "--audit")
	}
	if !o.Keep {
		args = append(args, "--with-parent="+strconv.Itoa(os.Getpid()))
	}
	out, err := c.run(ctx, "up", args...)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, c); err != nil {
		return nil, fmt.Errorf("parse what %s up reports: %w", filepath.Base(o.Program), err)
	}
	if c.Kubeconfig == "" || o.Audit && c.AuditLog == "" {
		return nil, errors.Join(fmt.Errorf("%s up reports no kubeconfig or no audit log", filepath.Base(o.Program)), c.Down(ctx))
	}
	return c, nil
}

// Config is a client configuration of the administrator, which nothing slows down and which keeps the API server's warnings to itself.
func (c *Cluster) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Kubeconfig, err)
	}
	config.QPS = -1 // the API server shares itself out
	config.WarningHandler = rest.NoWarnings{}
	return config, nil
}

// Identity writes a kubeconfig file that acts as a service account and returns its path. Its token lives for a day; nothing renews it.
func (c *Cluster) Identity(ctx context.Context, namespace, account string) (string, error) {
	path := fmt.Sprintf("%s-%s.kubeconfig", c.options.Dir, account)
	_, err := c.run(ctx, "kubeconfig", "--service-account="+namespace+"/"+account, "--output="+path)
	return path, err
}

// Down ends the control plane. Its folder stays, logs included.
func (c *Cluster) Down(ctx context.Context) error {
	_, err := c.run(ctx, "down", "--keep")
	return err
}

// DownCommand is what to type to end the control plane and delete its folder.
func (c *Cluster) DownCommand() string { return c.options.Program + " down --data=" + c.options.Dir }

func (c *Cluster) run(ctx context.Context, command string, args ...string) ([]byte, error) {
	return process.Run(ctx, process.Spec{
		Name: filepath.Base(c.options.Program) + " " + command,
		Path: c.options.Program, Args: append([]string{command, "--data=" + c.options.Dir}, args...),
	})
}
