// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/cli/internal/bundle"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/ready"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// marker is the definition whose labels tell what is installed.
const marker = "gitrepositories.source.toolkit.fluxcd.io"

// state is what is installed.
type state struct {
	version, managedBy, distribution string
	bootstrapped                     bool
}

// installed reads what is installed; nil is nothing.
func installed(ctx context.Context, c client.Client) (*state, error) {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := c.Get(ctx, client.ObjectKey{Name: marker}, &crd); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read %s: %w", marker, err)
	}
	labels := crd.Labels
	_, name := labels[kustomizev1.GroupVersion.Group+"/name"]
	_, namespace := labels[kustomizev1.GroupVersion.Group+"/namespace"]
	return &state{
		version: labels[bundle.VersionLabel], managedBy: labels["app.kubernetes.io/managed-by"],
		// Manifests that were applied without the command carry no version.
		distribution: strings.TrimSuffix(labels[bundle.PartOf]+"-"+labels[bundle.VersionLabel], "-"),
		bootstrapped: name && namespace,
	}, nil
}

// deployments is the kind that controllers run as.
func deployments() kinds.Kind {
	return kinds.Kind{GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"), Human: "deployment", Static: func(*unstructured.Unstructured) bool { return true }}
}

// health waits for controllers, all at once, and returns what keeps each from being ready.
func health(ctx context.Context, s *session.Session, c client.WithWatch, names []string) []error {
	keys := make([]client.ObjectKey, len(names))
	for i, name := range names {
		keys[i] = client.ObjectKey{Namespace: s.Namespace, Name: name}
	}
	_, errs := ready.All(ctx, c, deployments(), keys, func(key client.ObjectKey, message string) { s.Waiting("%s: %s", key.Name, message) })
	return errs
}

// report says how a controller is.
func report(s *session.Session, name string, err error) {
	if err != nil {
		s.Failure("%s: deployment not ready: %v", name, err)
		return
	}
	s.Success("%s: deployment ready", name)
}

// upsertSecret creates a Secret, or replaces the data of the one that is there.
func upsertSecret(ctx context.Context, c client.Client, wanted *corev1.Secret) error {
	var current corev1.Secret
	err := c.Get(ctx, client.ObjectKeyFromObject(wanted), &current)
	if apierrors.IsNotFound(err) {
		return c.Create(ctx, wanted)
	}
	if err != nil {
		return err
	}
	patch := client.MergeFrom(current.DeepCopy())
	current.Data = wanted.Data
	return c.Patch(ctx, &current, patch)
}
