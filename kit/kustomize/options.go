// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/fluxcd/pkg/apis/kustomize"
)

// Options shape a build. They are what a Kustomization's spec says about it.
type Options struct {
	// CacheKey names the line of artifacts that this build is repeated for, such as the UID of the
	// Kustomization or kind and name of its source. Empty means that nothing is kept for it.
	CacheKey string `json:"-"`
	// TargetNamespace, NamePrefix and NameSuffix replace those of the kustomization file.
	TargetNamespace, NamePrefix, NameSuffix string
	// Components are added to those of the file. They must be local and relative to the path.
	Components []string
	// IgnoreMissingComponents drops entries of Components that do not exist.
	IgnoreMissingComponents bool
	// Patches are added to those of the file.
	Patches []kustomize.Patch
	// Images are merged by name with those of the file.
	Images []kustomize.Image
	// BuildMetadata replaces that of the file if not empty.
	BuildMetadata []string
	// AllowRemoteBases permits resources from Git and HTTP servers. Flux: --no-remote-bases.
	AllowRemoteBases bool
	// Done, if set, is called once when nothing works on the build any more. That can be after Build has returned: what its context ends goes on.
	Done func() `json:"-"`
}

// cacheKey tells builds apart whatever the artifact.
type cacheKey struct {
	line, dir string
	options   [sha256.Size]byte
}

func (o Options) key(dir string) (cacheKey, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return cacheKey{}, fmt.Errorf("hash build options: %w", err)
	}
	return cacheKey{line: o.CacheKey, dir: dir, options: sha256.Sum256(text)}, nil
}
