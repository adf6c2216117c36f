// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// hash makes new repositories use the hash that all hosts know, whatever git prefers.
const hash = "GIT_DEFAULT_HASH=sha1"

// command is one run of git.
type command struct {
	dir   string
	stdin io.Reader
	env   []string
}

// run runs git and returns its output without space around it.
func (c command) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = c.dir, c.stdin
	cmd.Env = append(outside(os.Environ()), append(c.env, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")...) // fail rather than ask for a password
	if c.dir != "" {
		cmd.Env = append(cmd.Env, "PWD="+c.dir) // tells what is at work in a folder
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// outside leaves out of an environment what git sets for a hook: all of it is about another repository.
func outside(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH":
			return true
		}
		return false
	})
}

// environment keeps the settings of the person and the machine out.
func environment(home string) []string {
	return []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", hash}
}

// DefaultBranch asks a remote repository which branch its HEAD is, with the person's own settings and credentials.
func DefaultBranch(ctx context.Context, url string) (string, error) {
	out, err := command{}.run(ctx, "ls-remote", "--symref", "--", url, "HEAD")
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
