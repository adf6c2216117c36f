// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package applier puts objects into a cluster by server-side apply: definitions first, the rest when the API server knows them.
package applier

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
)

const (
	// owner is the field manager of what is installed, as patches and other tools expect it.
	owner = client.FieldOwner("flux")
	// establishTimeout is how long the API server may take to serve new kinds; it needs well under a second.
	establishTimeout = time.Minute
	// establishInterval is how often it is asked.
	establishInterval = 100 * time.Millisecond
)

// Change is what happened to one object.
type Change struct {
	Subject, Action string
}

// String prints it for the change list.
func (c Change) String() string { return c.Subject + " " + c.Action }

// Apply applies objects in two stages and tells of each what happened to it.
func Apply(ctx context.Context, c client.Client, objects []*unstructured.Unstructured, tell func(Change)) error {
	var definitions, rest []*unstructured.Unstructured
	for _, obj := range objects {
		if kind := obj.GetKind(); kind == "CustomResourceDefinition" || kind == "Namespace" {
			definitions = append(definitions, obj)
		} else {
			rest = append(rest, obj)
		}
	}
	for _, stage := range [][]*unstructured.Unstructured{definitions, rest} {
		for _, obj := range stage {
			change, err := one(ctx, c, obj)
			if err != nil {
				return fmt.Errorf("apply %s: %w", Subject(obj), err)
			}
			tell(change)
		}
		if err := established(ctx, c, stage); err != nil {
			return err
		}
	}
	return nil
}

// one applies an object and tells from its versions before and after what that changed.
func one(ctx context.Context, c client.Client, obj *unstructured.Unstructured) (Change, error) {
	before := new(unstructured.Unstructured)
	before.SetGroupVersionKind(obj.GroupVersionKind())
	err := c.Get(ctx, client.ObjectKeyFromObject(obj), before)
	if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
		return Change{}, err
	}
	applied := obj.DeepCopy() // the answer is written into it
	// What somebody else set is taken over, as an upgrade is to end with what the manifests say. The "no force" of the contract is about something
	// else: nothing is deleted to be created anew when a field cannot be changed.
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), owner, client.ForceOwnership); err != nil {
		return Change{}, err
	}
	change := Change{Subject: Subject(obj), Action: "configured"}
	switch before.GetResourceVersion() {
	case "":
		change.Action = "created"
	case applied.GetResourceVersion():
		change.Action = "unchanged"
	}
	return change, nil
}

// established waits until the API server serves every kind that was defined.
func established(ctx context.Context, c client.Client, objects []*unstructured.Unstructured) error {
	for _, obj := range objects {
		if obj.GetKind() != "CustomResourceDefinition" {
			continue
		}
		err := wait.PollUntilContextTimeout(ctx, establishInterval, establishTimeout, true, func(ctx context.Context) (bool, error) {
			current := new(unstructured.Unstructured)
			current.SetGroupVersionKind(obj.GroupVersionKind())
			if err := c.Get(ctx, client.ObjectKeyFromObject(obj), current); err != nil {
				return false, err
			}
			established, _ := kinds.ConditionOf(current, "Established")
			return established.Status == "True", nil
		})
		if err != nil {
			return fmt.Errorf("wait until %s is served: %w", obj.GetName(), err)
		}
	}
	return nil
}

// Subject prints an object as Kind/namespace/name.
func Subject(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == "" {
		return obj.GetKind() + "/" + obj.GetName()
	}
	return obj.GetKind() + "/" + obj.GetNamespace() + "/" + obj.GetName()
}
