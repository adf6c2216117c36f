// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// program is a controller built for one platform.
type program struct {
	name     string
	path     string
	platform v1.Platform
}

// build compiles it as every other build of the repository does: static, without paths of the machine.
func (p program) build(ctx context.Context, root string) error {
	if err := os.MkdirAll(filepath.Dir(p.path), 0o750); err != nil {
		return err
	}
	relative, err := filepath.Rel(root, p.path)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, filepath.Join(root, "hack/build"), relative, p.name)
	build.Dir = root
	build.Env = append(os.Environ(), "GOOS="+p.platform.OS, "GOARCH="+p.platform.Architecture, "GOWORK=")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", p.platform, err)
	}
	return nil
}
