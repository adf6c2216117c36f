// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster starts and stops control planes with the weir-cluster command
// of hack/cluster.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/weir-gitops/weir/hack/bench/internal/proc"
	"github.com/weir-gitops/weir/hack/bench/internal/process"
)

// wait is how long the start may take, on a busy machine.
const wait = "2m"

// Cluster is a running control plane.
type Cluster struct {
	// Kubeconfig is the path of the administrator's.
	Kubeconfig string `json:"kubeconfig"`
	// AuditLog is the path of the request log.
	AuditLog string `json:"auditLog"`
	// Processes are the components' process ids by name.
	Processes map[string]int `json:"pids"`

	binary string
	dir    string
}

// Options says how to start a control plane.
type Options struct {
	// Binary is the weir-cluster command.
	Binary string
	// Dir is the folder for data and logs.
	Dir string
	// Keep lets the control plane live longer than the bench.
	Keep bool
}

// Up starts a control plane with a request log and waits until it is ready. It
// ends with Down or, unless it is to be kept, with the bench.
func Up(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{binary: o.Binary, dir: o.Dir}
	args := []string{"--audit", "--output=json", "--wait=" + wait}
	if !o.Keep {
		args = append(args, "--with-parent="+strconv.Itoa(os.Getpid()))
	}
	out, err := c.run(ctx, "up", args...)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, c); err != nil {
		return nil, fmt.Errorf("parse what %s up reports: %w", filepath.Base(o.Binary), err)
	}
	if c.Kubeconfig == "" || c.AuditLog == "" {
		return nil, fmt.Errorf("%s up reports no kubeconfig or no audit log", filepath.Base(o.Binary))
	}
	return c, nil
}

// Identity writes a kubeconfig for a service account and returns its path.
func (c *Cluster) Identity(ctx context.Context, namespace, account string) (string, error) {
	out, err := c.run(ctx, "kubeconfig", "--service-account="+namespace+"/"+account)
	if err != nil {
		return "", err
	}
	path := c.dir + "-" + account + ".kubeconfig"
	if err := os.WriteFile(path, out, 0o600); err != nil {
		return "", fmt.Errorf("write kubeconfig of %s: %w", account, err)
	}
	return path, nil
}

// PIDs lists the processes of the control plane, children of its components
// included.
func (c *Cluster) PIDs(fs proc.FS) []int {
	var pids []int
	for _, pid := range c.Processes {
		pids = append(pids, pid)
		if children, err := fs.Descendants(pid); err == nil {
			pids = append(pids, children...)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// Down ends the control plane. Its folder stays, logs included.
func (c *Cluster) Down(ctx context.Context) error {
	_, err := c.run(ctx, "down", "--keep")
	return err
}

// DownCommand is what to type to end the control plane and delete its folder.
func (c *Cluster) DownCommand() string { return c.binary + " down --data=" + c.dir }

func (c *Cluster) run(ctx context.Context, command string, args ...string) ([]byte, error) {
	return process.Run(ctx, process.Command{
		Name: filepath.Base(c.binary) + " " + command,
		Path: c.binary, Args: append([]string{command, "--data=" + c.dir}, args...),
	})
}
