// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"
)

const (
	// Branch is the branch of the repositories that Create makes.
	Branch = "main"

	branchRef = "refs/heads/" + Branch
	// stagedRef keeps commits that are not pushed yet. Clients do not see it.
	stagedRef = "refs/staging/next"
)

// Repository is a bare repository.
type Repository struct {
	// URL is where it is cloned from, if a server has it.
	URL string
	// Path is its folder.
	Path string

	commits int
	tip     string
}

// File is a file of a staged commit.
type File struct {
	Path    string
	Content []byte
}

// Create makes an empty repository of that name, which must not exist yet. Clients may push to it.
func (s *Server) Create(ctx context.Context, name string) (*Repository, error) {
	r, err := Init(ctx, s.path(name))
	if err != nil {
		return nil, err
	}
	r.URL = s.URL(name)
	return r, nil
}

// Init makes an empty repository in a folder, which must not exist yet.
func Init(ctx context.Context, path string) (*Repository, error) {
	r := &Repository{Path: path}
	if _, err := r.git(ctx, nil, "init", "--quiet", "--bare", "--initial-branch", Branch, r.Path); err != nil {
		return nil, err
	}
	return r, r.configure(ctx)
}

// Mirror makes a repository of that name from one on this machine and returns the branch that is checked out there.
func (s *Server) Mirror(ctx context.Context, name, from string) (branch string, err error) {
	r := &Repository{Path: s.path(name)}
	// With the settings of the person, whose repository it is: git reads nothing that it does not consider safe for them.
	if _, err := (command{}).run(ctx, "clone", "--quiet", "--bare", "--no-hardlinks", "--", from, r.Path); err != nil {
		return "", err
	}
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	return r.git(ctx, nil, "symbolic-ref", "--short", "HEAD")
}

// configure lets clients do what those of the large hosts may: partial clones, any reachable commit. Everybody may push; git refuses pushes
// without credentials otherwise. Nothing tidies up in the background: it would still be at work when its folder is deleted.
func (r *Repository) configure(ctx context.Context) error {
	settings := map[string]string{
		"gc.auto":                             "0",
		"http.receivepack":                    "true",
		"maintenance.auto":                    "false",
		"receive.autogc":                      "false",
		"transfer.hideRefs":                   "refs/staging",
		"uploadpack.allowFilter":              "true",
		"uploadpack.allowReachableSHA1InWant": "true",
	}
	for key, value := range settings {
		if _, err := r.git(ctx, nil, "config", key, value); err != nil {
			return err
		}
	}
	return nil
}

// Stage makes a commit of the files on top of the last staged one, whose other files stay as they are, and returns its hash, which depends on
// contents and the number of the commit only. Clients see it after Push, which costs nothing but moving the branch.
func (r *Repository) Stage(ctx context.Context, message string, files iter.Seq[File]) (string, error) {
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
	r.tip = tip
	r.commits++
	return r.tip, nil
}

// Push lets clients see a staged commit as the head of the branch.
func (r *Repository) Push(ctx context.Context, commit string) error {
	_, err := r.git(ctx, nil, "update-ref", branchRef, commit)
	return err
}

// Read returns a file as it is at the head of the branch.
func (r *Repository) Read(ctx context.Context, path string) ([]byte, error) {
	content, err := r.git(ctx, nil, "show", Branch+":"+path)
	return []byte(content), err
}

// PackedBytes is the size of the repository's packs.
func (r *Repository) PackedBytes() (int64, error) {
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
func (r *Repository) stream(to io.Writer, message string, files iter.Seq[File]) error {
	w := bufio.NewWriter(to)
	when := time.Date(2026, 1, 1, 0, r.commits, 0, 0, time.UTC).Unix()
	fmt.Fprintf(w, "commit %s\ncommitter Weir <weir@example.com> %d +0000\n", stagedRef, when)
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

// git runs git for the repository.
func (r *Repository) git(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	return command{stdin: stdin, env: append(environment(filepath.Dir(r.Path)), "GIT_DIR="+r.Path)}.run(ctx, args...)
}
