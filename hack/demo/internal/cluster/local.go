// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// tokenLife is how long the tokens of the controllers are valid, as a duration: longer than anybody looks at a demo. Nothing renews them.
const tokenLife = "24h"

// Local starts the local cluster with the program of hack/cluster. Its data are in a folder below dir.
func Local(ctx context.Context, program, dir string) (*Cluster, error) {
	data := filepath.Join(dir, "cluster")
	out, err := run(ctx, program, "up", "--data", data, "-o", "json")
	if err != nil {
		return nil, fmt.Errorf("start the local cluster: %w", err)
	}
	var report struct{ Server, Kubeconfig, Version string }
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("read what %s says: %w", program, err)
	}
	// A link at a short path, for the person to name.
	path := filepath.Join(dir, "kubeconfig")
	if err := errors.Join(os.RemoveAll(path), os.Symlink(report.Kubeconfig, path)); err != nil {
		return nil, fmt.Errorf("link kubeconfig: %w", err)
	}
	return open(Cluster{
		Description: fmt.Sprintf("Kubernetes %s at %s", report.Version, report.Server),
		Kubeconfig:  path,
		identity: func(ctx context.Context, namespace, serviceAccount string) (string, error) {
			out, err := run(ctx, program, "kubeconfig", "--data", data, "--service-account", namespace+"/"+serviceAccount, "--duration", tokenLife)
			if err != nil {
				return "", fmt.Errorf("become %s: %w", serviceAccount, err)
			}
			path := filepath.Join(dir, serviceAccount+".kubeconfig")
			return path, os.WriteFile(path, out, 0o600)
		},
		stop: func(ctx context.Context) error {
			_, err := run(ctx, program, "down", "--data", data)
			return err
		},
	})
}

// run returns what the program prints; its error holds what it complained about.
func run(ctx context.Context, program string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s %s: %w: %s", filepath.Base(program), args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
