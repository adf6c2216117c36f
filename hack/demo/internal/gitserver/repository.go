// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Branch is the branch of repositories that Create makes.
const Branch = "main"

// Create makes a repository of that name with one commit that holds the files, and a clone of it to work in.
func (s *Server) Create(ctx context.Context, name string, files fs.FS, clone string) error {
	bare := filepath.Join(s.dir, name+".git")
	if _, err := run(ctx, s.dir, "init", "--quiet", "--bare", "--initial-branch", Branch, bare); err != nil {
		return err
	}
	if err := os.CopyFS(clone, files); err != nil {
		return fmt.Errorf("write the files of %s: %w", name, err)
	}
	// The identity is the clone's own, so that the person's commits work in it on a machine where git was never used.
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch", Branch},
		{"config", "user.name", "Weir demo"},
		{"config", "user.email", "demo@weir.invalid"},
		{"config", "commit.gpgsign", "false"},
		{"remote", "add", "origin", s.URL(name)},
		{"add", "--all"},
		{"commit", "--quiet", "--message", "Start the fleet"},
	} {
		if _, err := run(ctx, clone, args...); err != nil {
			return err
		}
	}
	if err := allowPush(ctx, bare); err != nil {
		return err
	}
	_, err := run(ctx, clone, "push", "--quiet", "--set-upstream", "origin", Branch)
	return err
}

// Mirror makes a repository of that name from one on this machine and returns the branch that is checked out there.
func (s *Server) Mirror(ctx context.Context, name, from string) (branch string, err error) {
	bare := filepath.Join(s.dir, name+".git")
	if _, err := run(ctx, s.dir, "clone", "--quiet", "--bare", "--no-hardlinks", from, bare); err != nil {
		return "", err
	}
	if err := allowPush(ctx, bare); err != nil {
		return "", err
	}
	return run(ctx, bare, "symbolic-ref", "--short", "HEAD")
}

// DefaultBranch asks a remote repository which branch its HEAD is.
func DefaultBranch(ctx context.Context, url string) (string, error) {
	out, err := run(ctx, ".", "ls-remote", "--symref", "--", url, "HEAD")
	if err != nil {
		return "", err
	}
	// The first line reads "ref: refs/heads/main<TAB>HEAD".
	ref, found := strings.CutPrefix(out, "ref: refs/heads/")
	branch, _, ok := strings.Cut(ref, "\tHEAD")
	if !found || !ok {
		return "", fmt.Errorf("the repository does not say which branch is its default")
	}
	return branch, nil
}

// allowPush lets everybody push; git refuses pushes without credentials otherwise.
func allowPush(ctx context.Context, bare string) error {
	_, err := run(ctx, bare, "config", "http.receivepack", "true")
	return err
}
