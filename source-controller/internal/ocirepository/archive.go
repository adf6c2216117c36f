// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"errors"
	"io"

	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/archive"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// linkName is the link to the latest artifact. Flux: source-controller contract, "Artifact".
const linkName = "latest.tar.gz"

// archive stores what was fetched.
func (r *Reconciler) archive(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	err := s.broken
	if err == nil {
		err = r.write(ctx, s)
	}
	switch {
	case errors.Is(err, archive.ErrRules):
		return outcome.Fail(sourcev1.SourceIgnoreErrorReason, err)
	case err != nil:
		return outcome.Fail(sourcev1.ArchiveOperationFailedReason, err)
	}
	return nil
}

// write stores the artifact and its link.
func (r *Reconciler) write(ctx context.Context, s *scope) error {
	timeout := max(s.obj.GetTimeout(), minWorkTimeout)
	limited, cancel := limit(ctx, timeout)
	defer cancel()
	produce, err := producer(limited, s)
	if err == nil {
		s.stored, err = publish.Save(ctx, r.Store, s.found.Artifact, publish.Content{
			Object:   object(s.obj),
			File:     s.target.digest + ".tar.gz",
			Revision: s.target.revision,
			Metadata: s.manifest.Annotations,
			Produce:  produce,
		})
	}
	switch {
	case err != nil && errors.Is(err, limited.Err()):
		return context.Cause(limited)
	case errors.Is(err, archive.ErrRules):
		return err
	case err != nil:
		return withoutPath(err)
	}
	if s.link, err = r.Store.Link(s.stored.Path, linkName); err != nil {
		// The artifact is there all the same.
		logr.FromContextOrDiscard(ctx).Info("link to the latest artifact not set", "cause", withoutPath(err).Error())
	}
	return nil
}

// producer returns what writes the content of the artifact.
func producer(ctx context.Context, s *scope) (func(io.Writer) error, error) {
	if s.obj.GetLayerOperation() == sourcev1.OCILayerCopy {
		return func(w io.Writer) error { return copyFrom(s, w) }, nil
	}
	extra := ""
	if s.obj.Spec.Ignore != nil {
		extra = *s.obj.Spec.Ignore
	}
	src := archive.FromDir(s.root)
	rules, err := archive.TreeRules(ctx, src, extra)
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
