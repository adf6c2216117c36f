// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

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
	"github.com/weir-gitops/weir/kit/auth"
)

// Variables are the values that postBuild puts into the objects.
type Variables struct {
	// Values are by name; nil if there is no postBuild.
	Values map[string]string
	// Secret are the values that came from Secrets, which no text may show.
	Secret []string
}

// Inline returns the variables that the spec itself holds.
func Inline(obj *kustomizev1.Kustomization) Variables {
	var v Variables
	if post := obj.Spec.PostBuild; post != nil {
		v.Values = make(map[string]string, len(post.Substitute))
		v.add(post.Substitute)
	}
	return v
}

// Read reads everything that postBuild names, each object once; later entries win over earlier ones, and inline ones over all. ConfigMaps are
// read with c.
func Read(ctx context.Context, c client.Reader, secrets *auth.Reader, obj *kustomizev1.Kustomization) (Variables, error) {
	var v Variables
	post := obj.Spec.PostBuild
	if post == nil {
		return v, nil
	}
	v.Values = make(map[string]string)
	for _, ref := range post.SubstituteFrom {
		values, err := valuesOf(ctx, c, secrets, client.ObjectKey{Namespace: obj.Namespace, Name: ref.Name}, ref.Kind)
		switch {
		case ref.Optional && apierrors.IsNotFound(err):
			continue
		case err != nil:
			// Flux: "substitute from 'ConfigMap/<n>' error: …" whatever the wrapper; there is no object to name yet.
			return Variables{}, fmt.Errorf("substitute from '%s/%s' error: %w", ref.Kind, ref.Name, err)
		}
		v.add(values)
		if ref.Kind == "Secret" {
			v.Secret = slices.AppendSeq(v.Secret, maps.Values(values))
		}
	}
	v.add(post.Substitute)
	return v, nil
}

// add puts in values, without newlines.
func (v *Variables) add(values map[string]string) {
	for name, value := range values {
		v.Values[name] = strings.ReplaceAll(value, "\n", "")
	}
}

func valuesOf(ctx context.Context, c client.Reader, secrets *auth.Reader, key client.ObjectKey, kind string) (map[string]string, error) {
	if kind == "ConfigMap" {
		obj := &corev1.ConfigMap{}
		err := c.Get(ctx, key, obj)
		return obj.Data, err
	}
	return secrets.Values(ctx, key.Namespace, key.Name)
}
