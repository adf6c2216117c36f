// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/notification-controller/internal/webhook"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *notificationv1.Receiver
	// requested says that somebody asked for the run.
	requested bool

	path string // token
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "accept", Run: r.accept},
		{Name: "token", Run: r.token},
		{Name: "claim", Run: r.claim},
	}
}

// accept looks at the spec alone.
func (r *Reconciler) accept(_ context.Context, s *scope) error {
	if err := consistent(s.obj.Spec); err != nil {
		return outcome.Stall(notificationv1.ValidationFailedReason, err)
	}
	if !webhook.Supported(s.obj.Spec.Type) {
		return outcome.Stall(notificationv1.UnsupportedReason, fmt.Errorf("not supported yet by this version: spec.type '%s'", s.obj.Spec.Type))
	}
	if err := r.compile(s.obj.Spec); err != nil {
		return outcome.Stall(notificationv1.InvalidCELExpressionReason, err)
	}
	return nil
}

// consistent repeats the rules of the CRD, for API servers that do not check them. Flux: notification-controller contract, "Reconciler".
func consistent(spec notificationv1.ReceiverSpec) error {
	oidc := spec.Type == notificationv1.GenericOIDCReceiver
	switch {
	case oidc && len(spec.OIDCProviders) == 0:
		return errors.New("generic-oidc receivers must define at least one oidcProvider")
	case oidc && spec.SecretRef != nil:
		return errors.New("secretRef cannot be set when type is generic-oidc")
	case !oidc && len(spec.OIDCProviders) > 0:
		return errors.New("oidcProviders can only be set when type is generic-oidc")
	case !oidc && spec.SecretRef == nil:
		return errors.New("secretRef is required when type is not generic-oidc")
	}
	return nil
}

// compile reports all filters that are wrong.
func (r *Reconciler) compile(spec notificationv1.ReceiverSpec) error {
	var errs []error
	if _, err := r.filters.Compile(spec.ResourceFilter); err != nil {
		errs = append(errs, fmt.Errorf("spec.resourceFilter: %w", err))
	}
	for i, resource := range spec.Resources {
		if _, err := r.filters.Compile(resource.Filter); err != nil {
			errs = append(errs, fmt.Errorf("spec.resources[%d].filter: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// token reads the token and makes the path.
func (r *Reconciler) token(ctx context.Context, s *scope) error {
	token, err := webhook.Token(ctx, r.Secrets, s.obj)
	if err != nil && !webhook.Missing(err) {
		return fmt.Errorf("read token: %w", err)
	}
	if err != nil {
		return outcome.Fail(notificationv1.TokenNotFoundReason, fmt.Errorf("read token: %w", err))
	}
	s.path = webhook.Path(token, s.obj.Name, s.obj.Namespace)
	return nil
}

// claim refuses a path that an older Receiver has: name, namespace and token are joined without separators, so there may be several, and
// requests go to the oldest. Flux: notification-controller contract, "Path collisions".
func (r *Reconciler) claim(ctx context.Context, s *scope) error {
	all, err := webhook.At(ctx, r.Client, s.path)
	if err != nil {
		return err
	}
	for i := range all {
		other := &all[i]
		if other.UID == s.obj.UID || !webhook.Older(other, s.obj) {
			continue
		}
		whose := "a receiver in another namespace"
		if other.Namespace == s.obj.Namespace {
			whose = fmt.Sprintf("receiver '%s'", other.Name)
		}
		return outcome.Stall(notificationv1.ValidationFailedReason, fmt.Errorf("the webhook path belongs to %s, which is older: change the token", whose))
	}
	return nil
}
