// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/cluster"
)

const (
	// concurrency is the number of requests that one action has under way for objects of one kind.
	concurrency = 8
	// requestLimit bounds one request. The API server gives up on writes after 34 s and on reads after 60 s.
	requestLimit = time.Minute
)

// Slot is the place of a worker, which others take while this one waits.
type Slot interface {
	Release()
	Acquire(ctx context.Context) error
}

// Options say for whom a client works and how.
type Options struct {
	// Clients act as the account of the release.
	Clients *cluster.Clients
	// Owner is the HelmRelease.
	Owner types.NamespacedName
	// Namespace is that of the release; objects without one get it.
	Namespace string
	// ServerSide applies on the server.
	ServerSide bool
	// TakeOwnership adopts objects that exist. Without it Helm looks up what it is about to create, and refuses what is not its own.
	TakeOwnership bool
	// Legacy waits as Helm 3 does, instead of by kstatus.
	Legacy bool
	// Exprs are health rules of the release; they count unless Legacy is set.
	Exprs *apply.Expressions
	// Slot is handed back during waits. Optional.
	Slot Slot
	// Superseded ends waits for health, unless Legacy is set, when it is closed. Optional.
	Superseded <-chan struct{}
	// Log takes what Helm would log.
	Log func(format string, args ...any)
}

// Client is the Kubernetes client of one action. Everything it does ends with the context of the action.
type Client struct {
	Options

	cluster *Cluster
	ctx     func() context.Context // Helm's interfaces have no context
	ended   func() error           // why the action is over; nil while it is not
	rest    *requester

	mu        sync.Mutex
	gone      map[objectKey]bool          // objects that were gone when their deletion was asked for
	undeleted []error                     // of the last deletion
	present   error                       // of the first wait for a deletion that failed
	tracked   map[objectKey]apply.Tracked // objects of the release as they were when they were written
}

// Client returns a client for one action, which ends with ctx.
func (c *Cluster) Client(ctx context.Context, o Options) (*Client, error) {
	if o.Clients == nil {
		return nil, errors.New("client needs clients")
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	client := &Client{
		Options: o, cluster: c, ctx: func() context.Context { return ctx },
		ended: func() error { return context.Cause(ctx) },
		gone:  map[objectKey]bool{}, tracked: map[objectKey]apply.Tracked{},
	}
	var err error
	if client.rest, err = newRequester(o.Clients.Config, client.ended); err != nil {
		return nil, err
	}
	return client, nil
}

// objectKey identifies an object, whatever its version.
type objectKey struct{ group, kind, namespace, name string }

func keyOf(info *resource.Info) objectKey {
	gvk := info.Mapping.GroupVersionKind
	return objectKey{gvk.Group, gvk.Kind, info.Namespace, info.Name}
}

// IsReachable implements kube.Interface. It asks nothing: what follows finds out.
func (c *Client) IsReachable() error { return c.ended() }

// describe is how errors name an object.
func describe(info *resource.Info) string {
	return fmt.Sprintf("%s/%s %s", info.Namespace, info.Name, info.Mapping.GroupVersionKind)
}

// each calls work for all objects: kind by kind as they are sorted, those of one kind at the same time. It returns an error for each
// object, in order, and stops when the action ends or, after the objects of a kind, when stop says so.
func (c *Client) each(ctx context.Context, list helmkube.ResourceList, work func(context.Context, *resource.Info) error, stop func([]error) bool) error {
	var all []error
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Mapping.GroupVersionKind.Kind == list[0].Mapping.GroupVersionKind.Kind {
			n++
		}
		errs := c.batch(ctx, list[:n], work)
		all = append(all, errs...)
		if err := c.ended(); err != nil {
			return errors.Join(append(all, err)...)
		}
		if stop != nil && stop(errs) {
			break
		}
		list = list[n:]
	}
	return errors.Join(all...)
}

func (c *Client) batch(ctx context.Context, list helmkube.ResourceList, work func(context.Context, *resource.Info) error) []error {
	errs := make([]error, len(list))
	slots := make(chan struct{}, concurrency)
	var wg sync.WaitGroup
	for i, info := range list {
		slots <- struct{}{}
		if ctx.Err() != nil {
			<-slots
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			_, errs[i] = guarded(c, "work on "+info.Name, func() (struct{}, error) { return struct{}{}, work(ctx, info) })
		})
	}
	wg.Wait()
	return errs
}
