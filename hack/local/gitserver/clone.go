// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"context"
	"errors"
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

// pushTries is how often a push is tried when somebody else was faster.
const pushTries = 5

// Push commits the folder as it is, publishes that, and returns its hash.
func (c *Clone) Push(ctx context.Context, message string) (string, error) {
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--allow-empty", "--message", message}} {
		if _, err := c.Git(ctx, args...); err != nil {
			return "", err
		}
	}
	return c.Publish(ctx)
}

// Publish pushes what is committed on top of what others have pushed, and returns the hash of the newest commit.
func (c *Clone) Publish(ctx context.Context) (string, error) {
	for tries := 1; ; tries++ {
		_, err := c.Git(ctx, "push", "--quiet", "--set-upstream", "origin", Branch)
		if err == nil {
			return c.Git(ctx, "rev-parse", "HEAD")
		}
		if tries == pushTries {
			return "", err
		}
		if _, pulled := c.Git(ctx, "pull", "--quiet", "--rebase", "origin", Branch); pulled != nil {
			// What is in conflict leaves the clone in the middle of it, where the next commit would be on no branch. Else there is nothing to abort.
			_, _ = c.Git(context.WithoutCancel(ctx), "rebase", "--abort")
			return "", errors.Join(err, pulled)
		}
	}
}

// Git runs git in the folder, with the person's own settings, and returns its output.
func (c *Clone) Git(ctx context.Context, args ...string) (string, error) {
	return command{dir: c.Dir, env: []string{hash}}.run(ctx, args...)
}
