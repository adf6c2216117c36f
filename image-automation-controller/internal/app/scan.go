// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/imagepolicy"
	"github.com/weir-gitops/weir/image-automation-controller/internal/imagerepository"
	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/oci"
)

// bytesPerKiB is the unit of --storage-compression-threshold.
const bytesPerKiB = 1 << 10

// setupScans registers ImageRepository and ImagePolicy, which share the tags that the one finds and the other chooses from.
func setupScans(ctx context.Context, rt *manager.Runtime, opts *Options, secrets *auth.Reader) error {
	store, err := tags.Open(opts.StoragePath, int64(opts.CompressionThreshold)*bytesPerKiB)
	if err != nil {
		return fmt.Errorf("--storage-path: %w", err)
	}
	if err := collectGarbage(rt, opts, store); err != nil {
		return err
	}
	selector, err := controller.GetWatchSelector(opts.Watch)
	if err != nil {
		return fmt.Errorf("--watch-label-selector: %w", err)
	}
	registries := oci.NewClient(oci.Options{})
	repositories := &imagerepository.Reconciler{
		Dependencies: rt.Dependencies(), ObjectLevelIdentity: opts.Gates.Enabled(gateObjectLevelIdentity),
		Secrets: secrets, Registries: registries, Tags: store,
	}
	policies := &imagepolicy.Reconciler{
		Options: imagepolicy.Options{
			Access: opts.Access, ObjectLevelIdentity: opts.Gates.Enabled(gateObjectLevelIdentity),
			DependencyRetry: opts.DependencyRetry, Selector: selector,
		},
		Dependencies: rt.Dependencies(), Secrets: secrets, Registries: registries, Tags: store,
	}
	return errors.Join(repositories.Setup(rt.Manager, rt.ControllerOptions()), policies.Setup(ctx, rt.Manager, rt.ControllerOptions()))
}

// collectGarbage has the tags of objects removed that went away while nobody looked. Only what the cache does not have is asked for: it may be
// there all the same, as an object of another shard.
func collectGarbage(rt *manager.Runtime, opts *Options, store *tags.Store) error {
	if opts.GCInterval == 0 {
		return nil
	}
	exists := func(ctx context.Context, key types.NamespacedName) (bool, error) {
		o := &metav1.PartialObjectMetadata{}
		o.SetGroupVersionKind(imagev1.GroupVersion.WithKind(imagev1.ImageRepositoryKind))
		err := rt.Manager.GetClient().Get(ctx, key, &imagev1.ImageRepository{})
		if err != nil {
			err = rt.Manager.GetAPIReader().Get(ctx, key, o)
		}
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	}
	garbage := &tags.Garbage{Store: store, Interval: time.Duration(opts.GCInterval) * time.Minute, Exists: exists}
	if err := rt.Manager.Add(garbage); err != nil {
		return fmt.Errorf("add garbage collection: %w", err)
	}
	return nil
}
