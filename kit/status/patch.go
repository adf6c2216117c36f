// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"fmt"
	"slices"

	"github.com/fluxcd/pkg/runtime/conditions"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
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

// Patch writes the difference between the status of before and that of after, in one request, and leaves the answer of the server in after.
// It reports false, and sends nothing, when they are equal. The write carries before's resourceVersion; on a conflict the live object is
// read and the status is merged onto it: foreign conditions survive. An object that is gone is not an error.
func (p *Patcher) Patch(ctx context.Context, before, after conditions.Setter) (bool, error) {
	if equal, err := equalStatus(before, after); err != nil || equal {
		return false, err
	}
	// The server's answer replaces the object, so the wanted status is kept aside for the attempts after the first.
	wanted, err := toUnstructured(after)
	if err != nil {
		return false, err
	}
	gvk, err := p.Client.GroupVersionKindFor(after)
	if err != nil {
		return false, fmt.Errorf("patch status: %w", err)
	}
	wanted.SetGroupVersionKind(gvk)
	err = p.write(ctx, after, before)
	for attempt := 1; apierrors.IsConflict(err) && attempt < maxAttempts; attempt++ {
		err = p.merge(ctx, wanted, after)
	}
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("patch status: %w", err)
	}
	return true, nil
}

func (p *Patcher) write(ctx context.Context, obj, base client.Object) error {
	return p.Client.Status().Patch(ctx, obj,
		client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}), client.FieldOwner(p.FieldOwner))
}

// merge writes the wanted status onto the live object.
func (p *Patcher) merge(ctx context.Context, wanted *unstructured.Unstructured, into conditions.Setter) error {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(wanted.GroupVersionKind())
	if err := p.Live.Get(ctx, client.ObjectKeyFromObject(wanted), live); err != nil {
		return err
	}
	merged := live.DeepCopy()
	merged.Object["status"] = wanted.DeepCopy().Object["status"]
	all := mergeConditions(conditions.UnstructuredGetter(live).GetConditions(), conditions.UnstructuredGetter(wanted).GetConditions(), p.Owned)
	conditions.UnstructuredSetter(merged).SetConditions(all)
	if err := p.write(ctx, merged, live); err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(merged.Object, into)
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
