// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/kit/apply"
)

// Objects decodes the manifest of a release as it is applied: with namespaces, and with the metadata by which Helm knows its objects. It
// returns what it could decode also with an error.
func (c *Client) Objects(manifest, releaseName string) ([]*unstructured.Unstructured, error) {
	list, err := c.Build(strings.NewReader(manifest), false)
	objects := make([]*unstructured.Unstructured, 0, len(list))
	for _, info := range list {
		u, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		labels, annotations := u.GetLabels(), u.GetAnnotations()
		if labels == nil {
			labels = map[string]string{}
		}
		if annotations == nil {
			annotations = map[string]string{}
		}
		labels["app.kubernetes.io/managed-by"] = "Helm"
		annotations[releaseNameAnnotation], annotations["meta.helm.sh/release-namespace"] = releaseName, c.Namespace
		u.SetLabels(labels)
		u.SetAnnotations(annotations)
		objects = append(objects, u)
	}
	return objects, err
}

// Compare compares objects of the release with what is live, and has those watched that are as they should be.
func (c *Client) Compare(ctx context.Context, objects []*unstructured.Unstructured, o apply.CompareOptions) ([]*apply.Difference, error) {
	found, err := c.cluster.engine.Compare(ctx, clientsOf(c.Clients), c.Clients.Client, objects, o)
	c.watchLive(found, err == nil)
	return found, err
}

// Correct puts right what Compare found.
func (c *Client) Correct(ctx context.Context, found []*apply.Difference) ([]apply.Change, error) {
	done, err := c.cluster.engine.Correct(ctx, c.Clients.Client, found)
	c.watchLive(found, err == nil)
	return done, err
}

func (c *Client) watchLive(found []*apply.Difference, complete bool) {
	var live []apply.Tracked
	for _, d := range found {
		if t, ok := d.Tracked(); ok {
			live = append(live, t)
		}
		complete = complete && d.Relation != apply.Removed
	}
	c.cluster.engine.Track(clientsOf(c.Clients), c.owner(), live, complete)
}

// Track has everything watched that the client applied, which is all of the given revision.
func (c *Client) Track(version int) {
	c.mu.Lock()
	list := make([]apply.Tracked, 0, len(c.tracked))
	for _, t := range c.tracked {
		list = append(list, t)
	}
	c.mu.Unlock()
	c.cluster.engine.Track(clientsOf(c.Clients), c.owner(), list, true)
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	c.cluster.applied[c.owner()] = version
}

// JustApplied tells, once, that a revision was applied and nothing has moved since: a comparison would find nothing.
func (c *Client) JustApplied(version int) bool {
	c.cluster.mu.Lock()
	fresh := c.cluster.applied[c.owner()] == version
	delete(c.cluster.applied, c.owner())
	c.cluster.mu.Unlock()
	return fresh && c.cluster.Settled(c.Owner)
}

// DeleteError returns what kept the last deletion from deleting everything, nil if nothing did.
func (c *Client) DeleteError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.undeleted...)
}
