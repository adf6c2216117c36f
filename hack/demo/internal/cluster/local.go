// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/weir-gitops/weir/hack/demo/internal/process"
)

// tokenLife is how long the tokens of the controllers are valid, as a duration: longer than anybody looks at a demo. Nothing renews them.
const tokenLife = "24h"

// report is what the program of hack/cluster prints once everything is ready, as one line of JSON.
type report struct{ Server, Kubeconfig, Version string }

// Local starts the local cluster with the program of hack/cluster. Its data are below dir; it ends with this process, however that ends.
func Local(ctx context.Context, program, dir string) (*Cluster, error) {
	data := filepath.Join(dir, "cluster")
	p, ready, err := start(ctx, program, data, filepath.Join(dir, "logs", "cluster.log"))
	if err != nil {
		return nil, fmt.Errorf("start the local cluster: %w", err)
	}
	// A link at a short path, for the person to name.
	path := filepath.Join(dir, "kubeconfig")
	if err := os.Symlink(ready.Kubeconfig, path); err != nil {
		return nil, errors.Join(fmt.Errorf("link kubeconfig: %w", err), p.Stop())
	}
	c, err := open(Cluster{
		Description: fmt.Sprintf("Kubernetes %s at %s", ready.Version, ready.Server),
		Kubeconfig:  path,
		identity: func(ctx context.Context, namespace, serviceAccount string) (string, error) {
			path := filepath.Join(dir, serviceAccount+".kubeconfig")
			cmd := exec.CommandContext(ctx, program, "kubeconfig", "--data", data,
				"--service-account", namespace+"/"+serviceAccount, "--duration", tokenLife, "--output", path)
			if out, err := cmd.CombinedOutput(); err != nil {
				return "", fmt.Errorf("become %s: %w: %s", serviceAccount, err, out)
			}
			return path, nil
		},
		stop: func(context.Context) error { return p.Stop() },
	})
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return c, nil
}

// start runs the cluster and waits for its report.
func start(ctx context.Context, program, data, log string) (p *process.Process, ready report, err error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, ready, err
	}
	defer out.Close()
	p, err = process.Start(ctx, process.Spec{
		Name: "the local cluster", Path: program, Log: log, Stdout: in,
		Args: []string{"up", "--foreground", "--exit-with-parent", "--data", data, "-o", "json"},
	})
	_ = in.Close() // the program has its own
	if err != nil {
		return nil, ready, err
	}
	defer context.AfterFunc(ctx, func() { _ = out.Close() })() // Ctrl-C ends the wait
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		return nil, ready, errors.Join(fmt.Errorf("no report (%w); its log ends with\n%s", err, p.Tail(10)), p.Stop())
	}
	return p, ready, nil
}
