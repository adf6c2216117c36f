// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/kit/manager"
)

const (
	// childShare is the part of the memory limit of the container that a process may take in which templates run apart: the container ends as a
	// whole if there is not enough.
	childShare = 3
	// minChildMemory and maxChildMemory bound that part, in bytes.
	minChildMemory, maxChildMemory = 64 * mebibyte, 512 * mebibyte
)

// newKeeper finds out whose templates ended an earlier process.
func newKeeper(rt *manager.Runtime, opts *Options) (*apart.Keeper, error) {
	// Templates that call each other without end come to their end before the container is out of memory.
	debug.SetMaxStack(apart.MaxStack)
	makeRoom(cgroupRoot)
	keeper, err := apart.New(apart.Options{
		Dir: opts.ArtifactCachePath, Memory: childMemory(cgroupRoot), Log: rt.Log.WithName("render"),
	})
	if err != nil {
		return nil, err
	}
	rt.AtEnd(keeper.Close)
	mgr := rt.Manager
	sweeper := ctrlmanager.RunnableFunc(func(ctx context.Context) error {
		sweep(ctx, mgr.GetClient(), keeper)
		return nil
	})
	if err := errors.Join(mgr.Add(keeper), mgr.Add(sweeper)); err != nil {
		return nil, fmt.Errorf("add keeper of templates: %w", err)
	}
	return keeper, nil
}

// sweep lets go of suspects that were deleted while no process looked. It runs once the cache is filled.
func sweep(ctx context.Context, c client.Reader, keeper *apart.Keeper) {
	list := &helmv2.HelmReleaseList{}
	if err := c.List(ctx, list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot look for suspects")
		return
	}
	there := map[types.UID]bool{}
	for i := range list.Items {
		there[list.Items[i].UID] = true
	}
	keeper.Sweep(func(uid types.UID) bool { return there[uid] })
}

// makeRoom leaves memory for a child in the container, if that has a limit: the collector keeps this process below the rest.
func makeRoom(root string) {
	limit, err := memoryLimit(root)
	if err != nil || limit > math.MaxInt64 {
		return
	}
	rest := int64(limit) - childMemory(root)
	if rest > 0 && debug.SetMemoryLimit(-1) > rest {
		debug.SetMemoryLimit(rest)
	}
}

// memoryLimit is that of the container, in bytes.
func memoryLimit(root string) (uint64, error) {
	return readCounter(firstFile(filepath.Join(root, "memory.max"), filepath.Join(root, "memory", "memory.limit_in_bytes")))
}

// childMemory is how much memory a process may take in which templates run apart, in bytes.
func childMemory(root string) int64 {
	limit, err := memoryLimit(root)
	if err != nil || limit/childShare > maxChildMemory {
		return maxChildMemory // there is no limit, or a generous one
	}
	return max(int64(limit/childShare), minChildMemory)
}
