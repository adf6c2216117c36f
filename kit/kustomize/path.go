// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

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

// rooted matches root as a whole or as the beginning of a path.
var rooted = regexp.MustCompile(`(^|[\s'"=(\x60])` + root + `(/|$|[\s'"\x60:;,)])`)

// Relocate returns the text of an error of a build with the paths that its files have on disk, for builds whose artifact people know as a folder.
func Relocate(text, folder string) string {
	return rooted.ReplaceAllStringFunc(text, func(found string) string {
		before, after, _ := strings.Cut(found, root)
		if after == "/" {
			return before + strings.TrimSuffix(folder, "/") + after
		}
		return before + folder + after
	})
}
