// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/outcome"
)

// variables reads everything that postBuild names, once in a run; later entries win over earlier ones, and inline ones over all.
// The objects are not cached, so that no Secret stays in memory.
func (r *Reconciler) variables(ctx context.Context, s *scope) error {
	post := s.obj.Spec.PostBuild
	if post == nil {
		return nil
	}
	s.vars = make(map[string]string)
	for _, ref := range post.SubstituteFrom {
		values, err := r.valuesOf(ctx, s.obj.Namespace, ref)
		switch {
		case ref.Optional && apierrors.IsNotFound(err):
			continue
		case err != nil:
			// Flux: "substitute from 'ConfigMap/<n>' error: …" whatever the wrapper; there is no object to name yet.
			return outcome.Fail(kustomizev1.BuildFailedReason, fmt.Errorf("substitute from '%s/%s' error: %w", ref.Kind, ref.Name, err))
		}
		maps.Copy(s.vars, values)
		if ref.Kind == "Secret" {
			s.hide = slices.AppendSeq(s.hide, maps.Values(values))
		}
	}
	maps.Copy(s.vars, post.Substitute)
	for name, value := range s.vars {
		s.vars[name] = strings.ReplaceAll(value, "\n", "")
	}
	return nil
}

func (r *Reconciler) valuesOf(ctx context.Context, namespace string, ref kustomizev1.SubstituteReference) (map[string]string, error) {
	name := client.ObjectKey{Namespace: namespace, Name: ref.Name}
	if ref.Kind == "ConfigMap" {
		obj := &corev1.ConfigMap{}
		err := r.Client.Get(ctx, name, obj)
		return obj.Data, err
	}
	return r.Secrets.Values(ctx, namespace, ref.Name)
}
