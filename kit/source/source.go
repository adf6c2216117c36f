// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package source finds the artifact that a sourceRef points at, for the controllers that consume artifacts, and tells when a source has a new one.
package source

import (
	"context"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
)

// Object is a source as its consumers see it.
type Object interface {
	client.Object
	// GetArtifact returns the latest artifact, nil when there is none yet.
	GetArtifact() *meta.Artifact
}

// New returns an empty source of that kind to read into.
func New(kind string) (Object, error) {
	switch kind {
	case sourcev1.GitRepositoryKind:
		return &sourcev1.GitRepository{}, nil
	case sourcev1.OCIRepositoryKind:
		return &sourcev1.OCIRepository{}, nil
	case sourcev1.BucketKind:
		return &sourcev1.Bucket{}, nil
	case sourcev1.HelmChartKind:
		return &sourcev1.HelmChart{}, nil
	case sourcev1.ExternalArtifactKind:
		return &sourcev1.ExternalArtifact{}, nil
	}
	return nil, fmt.Errorf("source kind %q is not supported", kind)
}

// Lookup reads the source that ref names. The error of a missing object satisfies apierrors.IsNotFound.
func Lookup(ctx context.Context, reader client.Reader, ref access.Reference) (Object, error) {
	obj, err := New(ref.Kind)
	if err != nil {
		return nil, err
	}
	if err := reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, obj); err != nil {
		return nil, fmt.Errorf("read source %s: %w", ref, err)
	}
	return obj, nil
}

// ArtifactChanged lets the events pass that bring an artifact a consumer has not seen: every new object, and an update after which the
// revision or the digest of the artifact is another one.
func ArtifactChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return true },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return true },
		UpdateFunc:  func(e event.UpdateEvent) bool { return differ(artifactOf(e.ObjectOld), artifactOf(e.ObjectNew)) },
	}
}

func artifactOf(obj client.Object) *meta.Artifact {
	if s, ok := obj.(Object); ok {
		return s.GetArtifact()
	}
	return nil
}

func differ(before, after *meta.Artifact) bool {
	if after == nil {
		return false
	}
	return before == nil || before.Revision != after.Revision || before.Digest != after.Digest
}
