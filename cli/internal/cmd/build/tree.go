// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/weir-gitops/weir/kit/artifact/archive"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
)

// place is a directory to build: local is where it is on disk, or where the source is that path is in.
type place struct {
	local string
	// source tells that local is a whole source, whose directory is what the spec says.
	source bool
}

// resolve returns the directory that stands for the source, and the path in it. The source of a directory is the Git repository around it, else
// what is left of its name without the path of the spec, else the directory itself.
func (at place) resolve(specPath string) (root, dir string, err error) {
	local, err := filepath.Abs(at.local)
	if err == nil {
		local, err = filepath.EvalSymlinks(local)
	}
	if err != nil {
		return "", "", err
	}
	if at.source {
		return local, specPath, nil
	}
	root = local
	inside := filepath.FromSlash(path.Clean("/" + specPath))
	if repository, ok := repositoryOf(local); ok {
		root = repository
	} else if above, ok := strings.CutSuffix(local, inside); ok && above != "" {
		root = above
	}
	if dir, err = filepath.Rel(root, local); err != nil {
		return "", "", err
	}
	return root, filepath.ToSlash(dir), nil
}

// repositoryOf finds the Git repository that a directory is in.
func repositoryOf(dir string) (string, bool) {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir, true
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", false
		}
		dir = above
	}
}

// open returns the tree that the source would make of a directory: without what its ignore rules leave out, and below dir without what the
// patterns name.
func open(ctx context.Context, root, dir string, ignore []string) (*fetch.Tree, error) {
	disk, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer disk.Close() // read only
	rules, err := archive.TreeRules(ctx, archive.FromDir(disk), "")
	if err != nil {
		return nil, err
	}
	own := func(string, bool) bool { return false }
	if len(ignore) > 0 {
		patterns, err := archive.TreeRules(ctx, noFiles{}, strings.Join(ignore, "\n"))
		if err != nil {
			return nil, err
		}
		own = patterns.Excludes
	}
	dir = path.Clean("/" + dir)[1:]
	tree, err := fetch.OpenView(root, func(name string, isDir bool) bool {
		below, ok := strings.CutPrefix("/"+name, path.Join("/", dir)+"/")
		if dir == "" {
			below, ok = name, true
		}
		return !rules.Excludes(name, isDir) && (!ok || !own(below, isDir))
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", root, err)
	}
	return tree, nil
}

// noFiles is a tree without ignore files.
type noFiles struct{}

// Entries implements archive.Source.
func (noFiles) Entries(context.Context) iter.Seq2[archive.Entry, error] {
	return func(func(archive.Entry, error) bool) {}
}

// Size implements archive.Source.
func (noFiles) Size(archive.Entry) (int64, error) { return 0, os.ErrNotExist }

// Open implements archive.Source.
func (noFiles) Open(archive.Entry) (io.ReadCloser, error) { return nil, os.ErrNotExist }
