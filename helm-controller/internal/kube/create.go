// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/weir-gitops/weir/kit/apply"
)

// releaseNameAnnotation is on every object of a release, but not on hooks.
const releaseNameAnnotation = "meta.helm.sh/release-name"

// role is why an object is created.
type role int

const (
	member role = iota // belongs to the release
	hook               // runs beside it
	other              // the namespace of the release
)

func roleOf(info *resource.Info) role {
	annotations, err := meta.NewAccessor().Annotations(info.Object)
	switch {
	case err != nil:
		return other
	case annotations[releaseNameAnnotation] != "":
		return member
	case annotations[release.HookAnnotation] != "":
		return hook
	default:
		return other
	}
}

// Create implements kube.Interface. Objects of a release that exist are adopted, if that is allowed; Helm has asked before if not.
func (c *Client) Create(list helmkube.ResourceList) (*helmkube.Result, error) {
	c.Log("creating %d resource(s)", len(list))
	if len(list) == 0 {
		return nil, helmkube.ErrNoObjectsVisited
	}
	err := c.each(c.ctx(), list, func(ctx context.Context, info *resource.Info) error {
		err := c.create(ctx, info)
		if apierrors.IsAlreadyExists(err) && roleOf(info) == member && c.TakeOwnership {
			err = c.merge(ctx, info, info.Object)
		}
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return &helmkube.Result{Created: list}, nil
}

func (c *Client) create(ctx context.Context, info *resource.Info) error {
	switch r := roleOf(info); {
	case r == other || !c.ServerSide:
		return c.post(ctx, info)
	default:
		_, err := c.apply(ctx, info, r == member)
		return err
	}
}

// post creates an object on the client's side.
func (c *Client) post(ctx context.Context, info *resource.Info) error {
	body, err := json.Marshal(info.Object)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	a, err := c.write(ctx, info, call{
		verb: http.MethodPost, mapping: info.Mapping, namespace: info.Namespace,
		body: body, contentType: "application/json", query: map[string]string{"fieldManager": FieldManager},
	})
	if err != nil {
		return err
	}
	return c.written(info, a)
}

// apply applies an object on the server and tells whether that created it. force takes over what others own.
func (c *Client) apply(ctx context.Context, info *resource.Info, force bool) (created bool, err error) {
	a, err := c.send(ctx, info, force)
	if err == nil {
		var again bool
		if again, err = c.migrate(ctx, info, a); again && err == nil {
			a, err = c.send(ctx, info, force)
		}
	}
	if err != nil {
		return false, fmt.Errorf("server-side apply failed for object %s: %w", describe(info), err)
	}
	return a.code == http.StatusCreated, c.written(info, a)
}

func (c *Client) send(ctx context.Context, info *resource.Info, force bool) (answer, error) {
	body, err := applyBody(info)
	if err != nil {
		return answer{}, err
	}
	return c.write(ctx, info, call{
		verb: http.MethodPatch, mapping: info.Mapping, namespace: info.Namespace, name: info.Name,
		body: body, contentType: "application/apply-patch+yaml",
		query: map[string]string{
			"fieldManager": FieldManager, "fieldValidation": metav1.FieldValidationStrict, "force": fmt.Sprint(force),
		},
	})
}

// applyBody encodes an object for the server. A manifest may hold what the server refuses to be told.
func applyBody(info *resource.Info) ([]byte, error) {
	u, ok := info.Object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T", info.Object)
	}
	if _, set, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "managedFields"); set {
		u = u.DeepCopy()
		u.SetManagedFields(nil)
	}
	return u.MarshalJSON()
}

// written notes what the server said about an object that was written.
func (c *Client) written(info *resource.Info, a answer) error {
	m, err := a.metadata(info.Mapping.GroupVersionKind)
	if err != nil {
		return err
	}
	info.Name, info.Namespace, info.ResourceVersion = m.GetName(), m.GetNamespace(), m.GetResourceVersion()
	if c.Legacy {
		// Helm's own checks read some objects through this client.
		if info.Client, err = c.rest.real(info.Mapping); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.gone, keyOf(info))
	if roleOf(info) == member {
		c.tracked[keyOf(info)] = apply.Tracked{Object: m, Vanishes: vanishes(info)}
	}
	return nil
}

// vanishes tells whether an object is a Job that is removed once it is done.
func vanishes(info *resource.Info) bool {
	u, ok := info.Object.(*unstructured.Unstructured)
	if !ok || !isJob(info) {
		return false
	}
	_, set, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "ttlSecondsAfterFinished")
	return set
}

func isJob(info *resource.Info) bool {
	gvk := info.Mapping.GroupVersionKind
	return gvk.Group == "batch" && gvk.Kind == "Job"
}

// write sends a request that carries an object, and takes what is secret in it out of the error.
func (c *Client) write(ctx context.Context, info *resource.Info, request call) (answer, error) {
	a, err := c.rest.send(ctx, request)
	if u, ok := info.Object.(*unstructured.Unstructured); ok && err != nil {
		return a, apply.Redact(u, err)
	}
	return a, err
}
