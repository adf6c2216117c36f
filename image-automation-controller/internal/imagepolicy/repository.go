// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"context"
	"fmt"

	"github.com/fluxcd/pkg/runtime/acl"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/imagerepository"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
)

// repository finds the ImageRepository and checks that the object may use it and that it can be used.
func (r *Reconciler) repository(ctx context.Context, s *scope) error {
	reason, err := r.find(ctx, s)
	if err != nil {
		return outcome.Fail(reason, fmt.Errorf("failed to get the referred ImageRepository: %w", err))
	}
	if s.name, err = oci.ParseImage(s.repository.Spec.Image); err != nil {
		return outcome.Stall(imagev1.ImageURLInvalidReason, err)
	}
	return imagerepository.CheckProvider(s.repository, r.ObjectLevelIdentity)
}

// find reads the ImageRepository, or returns why it cannot be used. Flux: image-automation-controller contract, "Multi-tenancy and security".
func (r *Reconciler) find(ctx context.Context, s *scope) (string, error) {
	key := repositoryKey(s.obj)
	foreign := key.Namespace != s.obj.Namespace
	if foreign && r.Access.NoCrossNamespaceRefs {
		return imagev1.AccessDeniedReason, acl.AccessDeniedError(fmt.Sprintf(
			"cannot access '%s/%s', cross-namespace references have been blocked", imagev1.ImageRepositoryKind, key))
	}
	var repository imagev1.ImageRepository
	if err := r.Client.Get(ctx, key, &repository); err != nil {
		if apierrors.IsNotFound(err) {
			return imagev1.DependencyNotReadyReason, fmt.Errorf("referenced ImageRepository does not exist: %w", err)
		}
		return imagev1.FailureReason, err
	}
	if foreign {
		if reason, err := r.admitted(ctx, s.obj.Namespace, &repository); err != nil {
			return reason, err
		}
	}
	s.repository = &repository
	return "", nil
}

// admitted checks that a repository lets the policies of another namespace use it.
func (r *Reconciler) admitted(ctx context.Context, namespace string, repository *imagev1.ImageRepository) (string, error) {
	from := repository.Spec.AccessFrom
	if from == nil {
		return imagev1.AccessDeniedReason, fmt.Errorf("access denied: %w", acl.AccessDeniedError(fmt.Sprintf(
			"'%s/%s' can't be accessed due to missing ACL labels on 'accessFrom'", repository.Namespace, repository.Name)))
	}
	own, err := r.namespaces.labels(ctx, namespace)
	if err != nil {
		return imagev1.FailureReason, err
	}
	for _, selector := range from.NamespaceSelectors {
		if labels.SelectorFromSet(selector.MatchLabels).Matches(own) {
			return "", nil
		}
	}
	return imagev1.AccessDeniedReason, fmt.Errorf("access denied: %w", acl.AccessDeniedError(fmt.Sprintf(
		"'%s/%s' can't be accessed due to ACL labels mismatch on namespace '%s'", repository.Namespace, repository.Name, namespace)))
}
