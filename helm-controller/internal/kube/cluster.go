// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/cluster"
)

// FieldManager owns the fields of what releases hold.
const FieldManager = "helm-controller"

// Config is what a Cluster needs.
type Config struct {
	// Clients are those of the process itself: they watch, and ask what the cluster can do.
	Clients *cluster.Clients
	// OverrideManagers are field managers, by prefix, whose fields are taken over when drift is looked for.
	OverrideManagers []string
	// Wake is called when an object of this HelmRelease drifted. It must not block. Optional.
	Wake   func(types.NamespacedName)
	Logger logr.Logger
}

// Cluster is what all releases on a cluster share.
type Cluster struct {
	engine       *apply.Engine
	capabilities *capabilities
	wake         func(types.NamespacedName)
	logger       logr.Logger

	mu sync.Mutex
	// waits are those that are under way, by owner; the channel is told when it is worth looking again.
	waits map[apply.Owner]chan struct{}
	// applied are the versions of releases that were applied and not compared since.
	applied map[apply.Owner]int
}

// New returns a cluster. Its watches begin with Start.
func New(cfg Config) (*Cluster, error) {
	if cfg.Clients == nil {
		return nil, errors.New("cluster needs clients")
	}
	c := &Cluster{wake: cfg.Wake, logger: cfg.Logger, waits: map[apply.Owner]chan struct{}{}, applied: map[apply.Owner]int{}}
	var err error
	if c.capabilities, err = newCapabilities(cfg.Clients, cfg.Logger); err != nil {
		return nil, err
	}
	c.engine, err = apply.New(apply.Config{
		Field:            FieldManager,
		Group:            helmv2.Group,
		Watch:            clientsOf(cfg.Clients),
		Concurrency:      concurrency,
		OverrideManagers: cfg.OverrideManagers,
		CountUpdates:     true,
		Wake:             c.woken,
		Logger:           cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("create watches: %w", err)
	}
	return c, nil
}

func clientsOf(c *cluster.Clients) apply.Clients {
	return apply.Clients{Dynamic: c.Dynamic, Metadata: c.Metadata, Mapper: c.Mapper}
}

// Start runs the watches until ctx ends.
func (c *Cluster) Start(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { c.capabilities.watch(ctx) })
	return c.engine.Start(ctx)
}

// Capabilities returns what the cluster can do. It must not be changed.
func (c *Cluster) Capabilities(ctx context.Context) (*chartutil.Capabilities, error) {
	return c.capabilities.get(ctx)
}

// KindsChanged tells that definitions were created or replaced.
func (c *Cluster) KindsChanged() { c.capabilities.touch() }

// Settled tells whether everything of a release is as it was applied and is being watched: looking for drift would find nothing.
func (c *Cluster) Settled(owner types.NamespacedName) bool {
	return c.engine.Settled(apply.Owner(owner))
}

// Forget drops what is known about the objects of an owner.
func (c *Cluster) Forget(owner types.NamespacedName) {
	c.engine.Forget(apply.Owner(owner))
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.applied, apply.Owner(owner))
}

// woken passes on what the watches tell: to the wait that is under way, or to the queue.
func (c *Cluster) woken(owner apply.Owner) {
	c.mu.Lock()
	waiting := c.waits[owner]
	c.mu.Unlock()
	switch {
	case waiting != nil:
		select {
		case waiting <- struct{}{}:
		default: // told already
		}
	case c.wake != nil:
		c.wake(types.NamespacedName(owner))
	}
}

// expect announces a wait of owner, which has at most one at a time. The returned function ends it.
func (c *Cluster) expect(owner apply.Owner) (<-chan struct{}, func()) {
	told := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits[owner] = told
	return told, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waits, owner)
	}
}
