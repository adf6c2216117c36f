// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	helmkube "helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/resource"
)

// Update implements kube.Interface: it applies target, and deletes what original has beyond it, unless something failed.
func (c *Client) Update(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	return c.update(original, target, force)
}

// UpdateThreeWayMerge implements kube.InterfaceThreeWayMerge. Objects of any kind are merged three-way here.
func (c *Client) UpdateThreeWayMerge(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	return c.update(original, target, force)
}

// updating collects what an update did.
type updating struct {
	mu       sync.Mutex
	result   helmkube.Result
	original helmkube.ResourceList
	force    bool
	// abort says that an object could not be created: Helm goes no further then, but with objects that it could not change it does.
	abort bool
}

func (u *updating) add(list *helmkube.ResourceList, info *resource.Info) {
	u.mu.Lock()
	defer u.mu.Unlock()
	list.Append(info)
}

func (c *Client) update(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	c.Log("checking %d resources for changes", len(target))
	u := &updating{original: original, force: force}
	err := c.each(c.ctx(), target, func(ctx context.Context, info *resource.Info) error {
		return c.updateOne(ctx, u, info)
	}, func([]error) bool { return u.abort })
	if err == nil {
		err = c.remove(u, original.Difference(target))
	}
	return &u.result, err
}

func (c *Client) updateOne(ctx context.Context, u *updating, info *resource.Info) error {
	before := u.original.Get(info)
	if c.ServerSide {
		created, err := c.apply(ctx, info, true)
		if created || err != nil && before == nil {
			u.add(&u.result.Created, info)
		} else {
			u.add(&u.result.Updated, info)
		}
		return u.failed(err, before == nil)
	}
	if before != nil {
		err := c.change(ctx, info, before.Object, u.force)
		if !apierrors.IsNotFound(err) {
			u.add(&u.result.Updated, info)
			return err
		}
	}
	err := c.post(ctx, info)
	switch {
	case err == nil:
		u.add(&u.result.Created, info)
		c.Log("Created a new %s called %q in %s\n", info.Mapping.GroupVersionKind.Kind, info.Name, info.Namespace)
		return nil
	case apierrors.IsAlreadyExists(err) && c.TakeOwnership:
		u.add(&u.result.Updated, info)
		return c.change(ctx, info, info.Object, u.force)
	case apierrors.IsAlreadyExists(err):
		return u.failed(fmt.Errorf("no %s with the name %q found", info.Mapping.GroupVersionKind.Kind, info.Name), true)
	default:
		u.add(&u.result.Created, info)
		return u.failed(fmt.Errorf("failed to create resource: %w", err), true)
	}
}

func (u *updating) failed(err error, abort bool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.abort = u.abort || err != nil && abort
	return err
}

// change brings an object that exists to its new state on the client's side.
func (c *Client) change(ctx context.Context, info *resource.Info, before runtime.Object, force bool) error {
	if force {
		return c.replace(ctx, info)
	}
	return c.merge(ctx, info, before)
}

// replace writes an object over the live one.
func (c *Client) replace(ctx context.Context, info *resource.Info) error {
	live, err := c.get(ctx, info, false)
	if err != nil {
		return err
	}
	m, err := live.metadata(info.Mapping.GroupVersionKind)
	if err != nil {
		return err
	}
	if err := setVersion(info.Object, m.GetResourceVersion()); err != nil {
		return err
	}
	defer func() { _ = setVersion(info.Object, "") }()
	body, err := json.Marshal(info.Object)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	a, err := c.write(ctx, info, call{
		verb: http.MethodPut, mapping: info.Mapping, namespace: info.Namespace, name: info.Name,
		body: body, contentType: "application/json", query: map[string]string{"fieldManager": FieldManager},
	})
	if err != nil {
		return fmt.Errorf("failed to replace object: %w", err)
	}
	return c.written(info, a)
}

func setVersion(obj runtime.Object, version string) error {
	m, ok := obj.(metav1.Object)
	if !ok {
		return fmt.Errorf("unexpected type %T", obj)
	}
	m.SetResourceVersion(version)
	return nil
}

func (c *Client) get(ctx context.Context, info *resource.Info, full bool) (answer, error) {
	return c.rest.send(ctx, call{verb: http.MethodGet, mapping: info.Mapping, namespace: info.Namespace, name: info.Name, full: full})
}

// remove deletes what is no longer in the release. Unlike Helm 3, which only logs, it fails for objects that it could not delete:
// nobody would look for them later.
func (c *Client) remove(u *updating, list helmkube.ResourceList) error {
	return c.each(c.ctx(), list, func(ctx context.Context, info *resource.Info) error {
		live, err := c.get(ctx, info, false)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("get %s: %w", describe(info), err)
		}
		m, err := live.metadata(info.Mapping.GroupVersionKind)
		if err != nil {
			return err
		}
		if m.GetAnnotations()[helmkube.ResourcePolicyAnno] == helmkube.KeepPolicy {
			c.Log("Skipping delete of %q due to annotation [%s=%s]", info.Name, helmkube.ResourcePolicyAnno, helmkube.KeepPolicy)
			return nil
		}
		c.Log("Deleting %s %q in namespace %s...", info.Mapping.GroupVersionKind.Kind, info.Name, info.Namespace)
		if err := c.delete(ctx, info, metav1.DeletePropagationBackground); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s: %w", describe(info), err)
		}
		u.add(&u.result.Deleted, info)
		return nil
	}, nil)
}

// Delete implements kube.Interface.
func (c *Client) Delete(list helmkube.ResourceList) (*helmkube.Result, []error) {
	return c.DeleteWithPropagationPolicy(list, metav1.DeletePropagationBackground)
}

// DeleteWithPropagationPolicy implements kube.InterfaceDeletionPropagation. It tries all objects; what is not there counts as deleted.
func (c *Client) DeleteWithPropagationPolicy(list helmkube.ResourceList, policy metav1.DeletionPropagation) (*helmkube.Result, []error) {
	if len(list) == 0 {
		return nil, []error{fmt.Errorf("object not found, skipping delete: %w", helmkube.ErrNoObjectsVisited)}
	}
	u := &updating{}
	err := c.each(c.ctx(), list, func(ctx context.Context, info *resource.Info) error {
		c.Log("Starting delete for %q %s", info.Name, info.Mapping.GroupVersionKind.Kind)
		err := c.delete(ctx, info, policy)
		if apierrors.IsNotFound(err) {
			c.Log("Ignoring delete failure for %q %s: %v", info.Name, info.Mapping.GroupVersionKind, err)
			err = nil
		}
		if err == nil {
			u.add(&u.result.Deleted, info)
		}
		return err
	}, nil)
	var errs []error
	if err != nil {
		errs = parts(err)
	}
	c.mu.Lock()
	c.undeleted = errs
	c.mu.Unlock()
	if errs != nil {
		return nil, errs
	}
	return &u.result, nil
}

// parts takes a joined error apart.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// delete deletes an object, and notes whether it is gone at once.
func (c *Client) delete(ctx context.Context, info *resource.Info, policy metav1.DeletionPropagation) error {
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}, PropagationPolicy: &policy,
	})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	a, err := c.rest.send(ctx, call{
		verb: http.MethodDelete, mapping: info.Mapping, namespace: info.Namespace, name: info.Name, body: body, contentType: "application/json",
	})
	var answered metav1.TypeMeta
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tracked, keyOf(info))
	switch {
	case apierrors.IsNotFound(err):
		c.gone[keyOf(info)] = true
	case err == nil && json.Unmarshal(a.body, &answered) == nil:
		// The server answers with the object if it is still there, and with a status if not.
		c.gone[keyOf(info)] = answered.Kind == "Status"
	}
	return err
}
