// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/metadata"
)

// rewatchGone is the pause before a watch on an object that is to go is opened again. Flux polls in this interval.
const rewatchGone = 2 * time.Second

// WaitForDelete implements kube.InterfaceExt. What was gone when its deletion was asked for is not asked about.
func (c *Client) WaitForDelete(list helmkube.ResourceList, timeout time.Duration) error {
	c.mu.Lock()
	var there helmkube.ResourceList
	for _, info := range list {
		if !c.gone[keyOf(info)] {
			there = append(there, info)
		}
	}
	c.mu.Unlock()
	if len(there) == 0 {
		return nil
	}
	c.Log("beginning wait for %d resources to be deleted with timeout of %v", len(there), timeout)
	err := c.idle(c.ctx(), timeout, func(ctx context.Context) error {
		for _, info := range there {
			if err := c.awaitGone(ctx, info); err != nil {
				return err
			}
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present = cmp.Or(c.present, err)
	return err
}

// Undeleted returns why not all is gone whose deletion was waited for, or why the action is over; nil otherwise.
func (c *Client) Undeleted() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.present, c.ended())
}

func (c *Client) awaitGone(ctx context.Context, info *resource.Info) error {
	for {
		gone, err := c.watchGone(ctx, info)
		switch {
		case gone:
			return nil
		case c.ended() != nil:
			return c.ended()
		case ctx.Err() != nil && c.Legacy:
			return ctx.Err()
		case ctx.Err() != nil:
			return fmt.Errorf("%s termination timeout: %w", entryOf(info).Subject(), ctx.Err())
		case apierrors.IsForbidden(err):
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(rewatchGone):
		}
	}
}

// watchGone looks whether an object exists and, if so, watches it until it does not, or the watch ends.
func (c *Client) watchGone(ctx context.Context, info *resource.Info) (bool, error) {
	client := c.metadata(info)
	live, err := client.Get(ctx, info.Name, metav1.GetOptions{})
	if err != nil {
		return apierrors.IsNotFound(err), err
	}
	w, err := client.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", info.Name).String(),
		ResourceVersion: live.GetResourceVersion(),
	})
	if apierrors.IsForbidden(err) {
		return false, nil // but reading is not: look again later
	}
	if err != nil {
		return false, err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		switch e.Type {
		case watch.Deleted:
			return true, nil
		case watch.Error:
			return false, apierrors.FromObject(e.Object)
		case watch.Added, watch.Modified, watch.Bookmark:
		}
	}
	return false, ctx.Err()
}

func (c *Client) metadata(info *resource.Info) metadata.ResourceInterface {
	client := c.Clients.Metadata.Resource(info.Mapping.Resource)
	if info.Mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return client.Namespace(info.Namespace)
	}
	return client
}
