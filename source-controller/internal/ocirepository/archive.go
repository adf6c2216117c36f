// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"errors"
	"io"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/archive"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// linkName is the link to the latest artifact. Flux: source-controller contract, "Artifact".
const linkName = "latest.tar.gz"

// archive stores what was fetched.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if s.broken != nil {
		return publish.ArchiveFault(s.broken)
	}
	return publish.ArchiveFault(publish.Work(ctx, s.obj.GetTimeout(), func(ctx context.Context) error {
		produce, err := producer(ctx, s)
		if err != nil {
			return err
		}
		return s.files.Save(ctx, publish.Content{
			File:     s.target.digest + ".tar.gz",
			Revision: s.target.revision,
			Metadata: s.manifest.Annotations,
			Produce:  produce,
		})
	}))
}

// producer returns what writes the content of the artifact.
func producer(ctx context.Context, s *scope) (func(io.Writer) error, error) {
	if s.obj.GetLayerOperation() == sourcev1.OCILayerCopy {
		return func(w io.Writer) error { return copyFrom(s, w) }, nil
	}
	src := archive.FromDir(s.root)
	rules, err := publish.Rules(ctx, src, s.obj.Spec.Ignore)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		_, _, err := archive.Write(ctx, w, archive.Filter(src, rules), nil)
		return err
	}, nil
}

// copyFrom writes the layer as it is.
func copyFrom(s *scope, w io.Writer) (err error) {
	f, err := s.root.Open(layerFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(w, f)
	return err
}
