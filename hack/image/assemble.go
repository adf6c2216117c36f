// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// assemble makes an index with an image for each program.
func assemble(programs []program, labels map[string]string, created time.Time) (v1.ImageIndex, error) {
	common, err := layer(base(), created)
	if err != nil {
		return nil, fmt.Errorf("base layer: %w", err)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		img, err := p.image(common, labels, created)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p.platform}})
	}
	annotated, ok := mutate.Annotations(index, labels).(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("annotate %s", labels["org.opencontainers.image.title"])
	}
	return annotated, nil
}

func (p program) image(common v1.Layer, labels map[string]string, created time.Time) (v1.Image, error) {
	files, err := p.executable()
	if err != nil {
		return nil, err
	}
	own, err := layer(files, created)
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img,
		mutate.Addendum{Layer: common, History: v1.History{CreatedBy: "base", Created: v1.Time{Time: created}}},
		mutate.Addendum{Layer: own, History: v1.History{CreatedBy: "program", Created: v1.Time{Time: created}}},
	)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.platform.OS, p.platform.Architecture, p.platform.Variant
	config.Created = v1.Time{Time: created}
	id := strconv.Itoa(user)
	config.Config = v1.Config{
		User:       id + ":" + id,
		Entrypoint: []string{"/usr/local/bin/" + p.name},
		Env:        []string{"PATH=/usr/local/bin", "HOME=/tmp"},
		WorkingDir: "/",
		Labels:     labels,
	}
	return mutate.ConfigFile(img, config)
}

// push sends an image to its registry.
func push(ctx context.Context, tag name.Tag, index v1.ImageIndex) error {
	return remote.WriteIndex(tag, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
}
