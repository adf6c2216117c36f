// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// Branch is the one branch of every repository.
	Branch = "main"

	branchRef = "refs/heads/" + Branch
	// stagedRef keeps commits that are not pushed yet. Clients do not see it.
	stagedRef = "refs/staging/next"
)

// File is a file of a commit.
type File struct {
	Path    string
	Content []byte
}

// Repo is a bare repository. Commits are staged first, so that a push costs
// nothing but moving the branch, and depend on their content and number only.
type Repo struct {
	// Path is the folder of the repository.
	Path string

	commits int
	tip     string
}

// Create makes an empty bare repository, which must not exist yet.
func Create(ctx context.Context, path string) (*Repo, error) {
	r := &Repo{Path: path}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	if _, err := r.git(ctx, nil, "init", "--quiet", "--bare", "--initial-branch", Branch); err != nil {
		return nil, err
	}
	// As the large hosts do it: partial clones and wants of any reachable commit.
	settings := map[string]string{
		"transfer.hideRefs":                   "refs/staging",
		"uploadpack.allowFilter":              "true",
		"uploadpack.allowReachableSHA1InWant": "true",
	}
	for key, value := range settings {
		if _, err := r.git(ctx, nil, "config", key, value); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Stage makes a commit of the files on top of the last staged one, whose other
// files stay as they are, and returns its hash. Clients see it after Push.
func (r *Repo) Stage(ctx context.Context, message string, files iter.Seq[File]) (string, error) {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(r.stream(writer, message, files)) }()
	defer reader.Close()
	if _, err := r.git(ctx, reader, "fast-import", "--quiet", "--done"); err != nil {
		return "", err
	}
	tip, err := r.git(ctx, nil, "rev-parse", stagedRef)
	if err != nil {
		return "", err
	}
	r.tip = strings.TrimSpace(tip)
	r.commits++
	return r.tip, nil
}

// Push lets clients see the commit as the head of the branch.
func (r *Repo) Push(ctx context.Context, commit string) error {
	_, err := r.git(ctx, nil, "update-ref", branchRef, commit)
	return err
}

// PackedBytes is the size of the repository's packs.
func (r *Repo) PackedBytes() (int64, error) {
	packs, err := filepath.Glob(filepath.Join(r.Path, "objects/pack/*.pack"))
	if err != nil {
		return 0, fmt.Errorf("list packs: %w", err)
	}
	var sum int64
	for _, pack := range packs {
		info, err := os.Stat(pack)
		if err != nil {
			return 0, fmt.Errorf("read size of pack: %w", err)
		}
		sum += info.Size()
	}
	return sum, nil
}

// stream writes the commit in the format of git-fast-import(1).
func (r *Repo) stream(to io.Writer, message string, files iter.Seq[File]) error {
	w := bufio.NewWriter(to)
	when := time.Date(2026, 1, 1, 0, r.commits, 0, 0, time.UTC).Unix()
	fmt.Fprintf(w, "commit %s\ncommitter Bench <bench@example.com> %d +0000\n", stagedRef, when)
	fmt.Fprintf(w, "data %d\n%s\n", len(message), message)
	if r.tip != "" {
		fmt.Fprintf(w, "from %s\n", r.tip)
	}
	for file := range files {
		fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n", file.Path, len(file.Content))
		if _, err := w.Write(file.Content); err != nil {
			return err // git ended early and says why
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "done\n")
	return w.Flush()
}

// git runs a git command in the repository and returns its output.
func (r *Repo) git(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin, cmd.Env = r.Path, stdin, append(os.Environ(), environment(r.Path)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// environment keeps the settings of the person and the machine out.
func environment(home string) []string {
	return []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}
}
