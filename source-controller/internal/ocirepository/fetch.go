// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

const (
	// layerFile is the layer in the private directory when it is taken as it is.
	layerFile = "layer"

	// maxLayerBytes bounds a layer as it is stored in the registry. It is far more than manifests and charts take, and what consumers keep at
	// most of all artifacts together.
	maxLayerBytes = 1 << 30
	// maxUnpackedBytes and maxUnpackedEntries bound what a layer unpacks to, which may be much more.
	maxUnpackedBytes   = 2 << 30
	maxUnpackedEntries = 500_000

	// minRate is the slowest a layer may come, bytes per second: spec.timeout is meant for exchanges and may be too short for a large one.
	minRate = 256 << 10
)

// fetch brings the layer into the private directory. It shows that something is going on before that takes time.
func (r *Reconciler) fetch(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if err := s.run.Publish(ctx); err != nil {
		return err
	}
	if err := r.describe(ctx, s); err != nil {
		return err
	}
	layer, err := s.manifest.Layer(s.obj.GetLayerMediaType())
	if err == nil {
		err = bring(ctx, s, layer)
	}
	if _, disk := errors.AsType[*fs.PathError](err); disk && !errors.Is(err, oci.ErrContent) {
		s.broken = publish.WithoutPath(err)
		err = nil
	}
	if err != nil {
		return outcome.Fail(sourcev1.OCILayerOperationFailedReason, fmt.Errorf("%s the layer of '%s': %w", s.obj.GetLayerOperation(), s.target.reference, err))
	}
	s.fetched = true
	return nil
}

// describe reads the manifest.
func (r *Reconciler) describe(ctx context.Context, s *scope) error {
	limited, cancel := publish.Limit(ctx, s.obj.GetTimeout())
	defer cancel()
	var err error
	s.manifest, err = s.repository.Manifest(limited, s.target.digest)
	switch {
	case errors.Is(err, oci.ErrContent), errors.Is(err, oci.ErrTooLarge):
		return outcome.Fail(sourcev1.OCILayerOperationFailedReason, err)
	case err != nil:
		return outcome.Fail(sourcev1.OCIPullFailedReason, fmt.Errorf("pull '%s': %w", s.obj.Spec.URL, err))
	}
	return nil
}

// bring reads a layer, all of it, so that its digest is checked before anything is made of it.
func bring(ctx context.Context, s *scope, layer oci.Layer) (err error) {
	timeout := publish.WorkTimeout(s.obj.GetTimeout()) + time.Duration(max(layer.Size, 0)/minRate)*time.Second
	limited, cancel := publish.Limit(ctx, timeout)
	defer cancel()
	content, err := s.repository.Blob(limited, layer, maxLayerBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if s.obj.GetLayerOperation() == sourcev1.OCILayerCopy {
		return copyTo(s.root, content)
	}
	return oci.Unpack(limited, content, s.root, oci.Limits{Bytes: maxUnpackedBytes, Entries: maxUnpackedEntries})
}

// copyTo keeps a layer as it is.
func copyTo(root *os.Root, content io.Reader) (err error) {
	f, err := root.Create(layerFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, content)
	return err
}
