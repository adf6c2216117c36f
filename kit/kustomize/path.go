// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"path"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
)

// ErrPathNotFound says that the artifact has no such directory.
var ErrPathNotFound = errors.New("kustomization path not found")

// ResolvePath returns the slash-separated path of a directory of the tree, "." for its root. The
// tree is the world: ".." stops at its root, and a leading slash changes nothing.
func ResolvePath(t *fetch.Tree, name string) (string, error) {
	rel := path.Clean("/" + name)[1:]
	if rel == "" {
		return ".", nil
	}
	entry, ok := t.Files().Lookup(rel)
	switch {
	case !ok:
		return "", fmt.Errorf("%w: no directory '%s' in the artifact", ErrPathNotFound, rel)
	case !entry.Dir:
		return "", fmt.Errorf("%w: '%s' is a file", ErrPathNotFound, rel)
	}
	return rel, nil
}
