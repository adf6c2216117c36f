// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fluxcd/pkg/runtime/conditions"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxAttempts bounds the writes of one patch when other writers keep getting in between.
// Flux: source-controller contract, "Patching": up to 5 attempts on conflict.
const maxAttempts = 5

// Patcher writes the status of objects of one kind.
type Patcher struct {
	// Client writes, and reads from the cache.
	Client client.Client
	// Live reads past the cache, used only after a conflict.
	Live client.Reader
	// FieldOwner is the field manager of the writes.
	FieldOwner string
	// Owned lists the condition types that this controller may set or remove; others are kept as found.
	Owned []string
}

// Patch writes the difference between the status of before and that of after, in one request, and leaves in after what the server stored. It
// returns the object as the server has it then, nil when the two are equal and nothing was sent. The write carries before's resourceVersion;
// on a conflict the live object is read and the status is merged onto it: foreign conditions survive. After a conflict the returned object has
// what others wrote meanwhile, and after keeps the spec and metadata that its status is about, with the new resourceVersion.
// The error of an object that is gone satisfies apierrors.IsNotFound.
func (p *Patcher) Patch(ctx context.Context, before, after conditions.Setter) (conditions.Setter, error) {
	if equal, err := equalStatus(before, after); err != nil || equal {
		return nil, err
	}
	// The server's answer replaces the object, so the wanted status is kept aside for the attempts after the first.
	wanted, err := toUnstructured(after)
	if err != nil {
		return nil, err
	}
	gvk, err := p.Client.GroupVersionKindFor(after)
	if err != nil {
		return nil, fmt.Errorf("patch status: %w", err)
	}
	wanted.SetGroupVersionKind(gvk)
	stored := after
	err = p.write(ctx, after, before)
	for attempt := 1; apierrors.IsConflict(err) && attempt < maxAttempts; attempt++ {
		stored, err = p.merge(ctx, wanted, after)
	}
	if err != nil {
		return nil, fmt.Errorf("patch status: %w", err)
	}
	return stored, nil
}

func (p *Patcher) write(ctx context.Context, obj, base client.Object) error {
	return p.Client.Status().Patch(ctx, obj,
		client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}), client.FieldOwner(p.FieldOwner))
}

// merge writes the wanted status onto the live object and returns that.
func (p *Patcher) merge(ctx context.Context, wanted *unstructured.Unstructured, into conditions.Setter) (conditions.Setter, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(wanted.GroupVersionKind())
	if err := p.Live.Get(ctx, client.ObjectKeyFromObject(wanted), live); err != nil {
		return nil, err
	}
	if live.GetUID() != wanted.GetUID() {
		// Another object of the same name: the status is about one that is gone.
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: wanted.GroupVersionKind().Group, Resource: wanted.GetKind()}, wanted.GetName())
	}
	merged := live.DeepCopy()
	merged.Object["status"] = wanted.DeepCopy().Object["status"]
	all := mergeConditions(conditions.UnstructuredGetter(live).GetConditions(), conditions.UnstructuredGetter(wanted).GetConditions(), p.Owned)
	conditions.UnstructuredSetter(merged).SetConditions(all)
	if err := p.write(ctx, merged, live); err != nil {
		return nil, err
	}
	stored, ok := into.DeepCopyObject().(conditions.Setter)
	if !ok {
		return nil, errors.New("copy of another type")
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(merged.Object, stored); err != nil {
		return nil, err
	}
	kept := wanted.DeepCopy()
	kept.Object["status"] = merged.Object["status"]
	kept.SetResourceVersion(merged.GetResourceVersion())
	return stored, runtime.DefaultUnstructuredConverter.FromUnstructured(kept.Object, into)
}

// mergeConditions takes the owned types from ours and every other type from theirs.
func mergeConditions(theirs, ours []metav1.Condition, owned []string) []metav1.Condition {
	var merged []metav1.Condition
	for _, c := range ours {
		if slices.Contains(owned, c.Type) {
			merged = append(merged, c)
		}
	}
	for _, c := range theirs {
		if !slices.Contains(owned, c.Type) {
			merged = append(merged, c)
		}
	}
	return merged
}

func equalStatus(a, b runtime.Object) (bool, error) {
	ua, err := toUnstructured(a)
	if err != nil {
		return false, err
	}
	ub, err := toUnstructured(b)
	if err != nil {
		return false, err
	}
	return apiequality.Semantic.DeepEqual(ua.Object["status"], ub.Object["status"]), nil
}

func toUnstructured(obj runtime.Object) (*unstructured.Unstructured, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("convert status: %w", err)
	}
	return &unstructured.Unstructured{Object: m}, nil
}
