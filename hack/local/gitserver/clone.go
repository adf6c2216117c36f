// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"context"
	"fmt"
	"io/fs"
	"os"
)

// Clone is a working folder of a repository.
type Clone struct {
	// Dir is the folder.
	Dir string
}

// Clone makes a working folder of an empty repository and pushes one commit with the files.
func (r *Repository) Clone(ctx context.Context, dir string, files fs.FS) (*Clone, error) {
	c := &Clone{Dir: dir}
	if err := os.CopyFS(dir, files); err != nil {
		return nil, fmt.Errorf("write the files of %s: %w", r.URL, err)
	}
	// The identity is the clone's own, so that commits work in it on a machine where git was never used.
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch", Branch},
		{"config", "user.name", "Weir"},
		{"config", "user.email", "weir@example.com"},
		{"config", "commit.gpgsign", "false"},
		{"config", "http.proxy", ""}, // the server is on this machine
		{"config", "gc.auto", "0"},   // nothing is at work in the folder once a command has ended
		{"config", "maintenance.auto", "false"},
		{"remote", "add", "origin", r.URL},
	} {
		if _, err := c.Git(ctx, args...); err != nil {
			return nil, err
		}
	}
	_, err := c.Push(ctx, "Start")
	return c, err
}

// Push commits the folder as it is, pushes that, and returns its hash.
func (c *Clone) Push(ctx context.Context, message string) (string, error) {
	for _, args := range [][]string{
		{"add", "--all"},
		{"commit", "--quiet", "--allow-empty", "--message", message},
		{"push", "--quiet", "--set-upstream", "origin", Branch},
	} {
		if _, err := c.Git(ctx, args...); err != nil {
			return "", err
		}
	}
	return c.Git(ctx, "rev-parse", "HEAD")
}

// Git runs git in the folder, with the person's own settings, and returns its output.
func (c *Clone) Git(ctx context.Context, args ...string) (string, error) {
	return command{dir: c.Dir, env: []string{hash}}.run(ctx, args...)
}
