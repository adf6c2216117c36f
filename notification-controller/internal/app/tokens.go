// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

// newTokens makes the cache of tokens and serves its metrics. Those of a Provider end with it, on every replica: all of them send.
func newTokens(ctx context.Context, rt *manager.Runtime, opts *Options) (*notify.Tokens, error) {
	tokens, err := notify.NewTokens(opts.TokenCacheSize, min(opts.TokenCacheDuration, maxTokenLife))
	if err != nil {
		return nil, err
	}
	reader := rt.Manager.GetClient()
	tokens.Known = func(ctx context.Context, provider types.NamespacedName) bool {
		// The cache has lost an object before it tells of that.
		return !apierrors.IsNotFound(reader.Get(ctx, provider, &notificationv1beta3.Provider{}))
	}
	if err := rt.Registry.Register(tokens); err != nil {
		return nil, fmt.Errorf("register token metrics: %w", err)
	}
	providers, err := rt.Manager.GetCache().GetInformer(ctx, &notificationv1beta3.Provider{})
	if err != nil {
		return nil, fmt.Errorf("watch Providers: %w", err)
	}
	_, err = providers.AddEventHandler(toolscache.ResourceEventHandlerFuncs{DeleteFunc: func(gone any) {
		if last, ok := gone.(toolscache.DeletedFinalStateUnknown); ok {
			gone = last.Obj
		}
		if provider, ok := gone.(client.Object); ok {
			tokens.Forget(client.ObjectKeyFromObject(provider))
		}
	}})
	if err != nil {
		return nil, fmt.Errorf("watch Providers: %w", err)
	}
	return tokens, nil
}
