// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"cmp"
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/source"
)

// source finds the artifact to apply. A source that is not ready but has an artifact will do: the last good one stays in force.
func (r *Reconciler) source(ctx context.Context, s *scope) error {
	ref := sourceRef(s.obj)
	if err := r.allowed(s.obj, ref); err != nil {
		return outcome.Stall(kustomizev1.AccessDeniedReason, err)
	}
	obj, err := source.Lookup(ctx, r.Sources, ref)
	if err != nil {
		if apierrors.IsNotFound(err) {
			// Applied together with its source, the object is often looked at first. That is no fault; the source's arrival starts the next run.
			return outcome.Wait(s.obj.GetRetryInterval(), kustomizev1.ArtifactFailedReason, "%w", err)
		}
		return err
	}
	artifact := obj.GetArtifact()
	if artifact == nil {
		return outcome.Wait(r.RequeueDependency, kustomizev1.ArtifactFailedReason, noArtifactText, r.RequeueDependency)
	}
	s.artifact = *artifact
	return nil
}

func (r *Reconciler) allowed(obj *kustomizev1.Kustomization, ref access.Reference) error {
	if ref.Kind == sourcev1.ExternalArtifactKind {
		if err := access.Gated(r.ExternalArtifacts, sourcev1.ExternalArtifactKind, ref); err != nil {
			return err
		}
	}
	return access.Namespaced(r.Access, obj.Namespace, ref)
}

func sourceRef(obj *kustomizev1.Kustomization) access.Reference {
	ref := obj.Spec.SourceRef
	return access.Reference{Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, obj.Namespace), Name: ref.Name}
}
