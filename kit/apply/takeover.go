// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"

	"github.com/fluxcd/pkg/ssa"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// takeOverTries bounds how often a clean-up is computed anew because the object changed meanwhile.
const takeOverTries = 3

// foreign is the metadata of a live object that holds leftovers of other writers.
type foreign struct{ *unstructured.Unstructured }

// foreignOf keeps of a live object what a clean-up needs.
func foreignOf(live metav1.Object) *foreign {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetResourceVersion(live.GetResourceVersion())
	u.SetLabels(live.GetLabels())
	u.SetAnnotations(live.GetAnnotations())
	u.SetManagedFields(live.GetManagedFields())
	return &foreign{u}
}

// takeOver makes the fields of kubectl users and of older tools ours, so that those which are not desired disappear with the
// apply that follows.
func (e *Engine) takeOver(ctx context.Context, c Clients, s *step) error {
	const act = "metadata.managedFields cleanup failed"
	for try := 1; ; try++ {
		patch, err := e.cleanUp(s.leftover)
		if err != nil {
			return s.fail(act, err)
		}
		if patch == nil {
			return nil
		}
		_, err = c.metadata(s.target, s.id.Namespace).
			Patch(ctx, s.id.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: e.cfg.Field})
		if err == nil || apierrors.IsNotFound(err) {
			return nil
		}
		if try == takeOverTries || !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) {
			return s.fail(act, err)
		}
		// The version test of the patch failed: somebody wrote in between.
		live, err := c.metadata(s.target, s.id.Namespace).Get(ctx, s.id.Name, metav1.GetOptions{})
		if err != nil {
			return s.fail(act, err)
		}
		s.leftover = foreignOf(live)
	}
}

// cleanUp returns the JSON patch that removes leftovers, nil if there are none. The patch applies to the version it was
// computed from only.
func (e *Engine) cleanUp(live *foreign) ([]byte, error) {
	ops := ssa.PatchRemoveAnnotations(live.Unstructured, e.reader.LeftoverAnnotations())
	ops = append(ops, ssa.PatchRemoveLabels(live.Unstructured, e.reader.LeftoverLabels())...)
	var managers []ssa.FieldManager
	for _, m := range e.reader.Managers() {
		managers = append(managers, ssa.FieldManager{Name: m.Prefix, OperationType: m.Operation})
	}
	fields, err := ssa.PatchReplaceFieldsManagers(live.Unstructured, managers, e.cfg.Field)
	if err != nil {
		return nil, err
	}
	return guarded(live.Unstructured, append(ops, fields...))
}

// guarded encodes a JSON patch that fails if the object is not at the version it was computed from.
func guarded(live *unstructured.Unstructured, ops []ssa.JSONPatch) ([]byte, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	patch := []any{map[string]string{
		"op": "test", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion(),
	}}
	for _, op := range ops {
		patch = append(patch, op)
	}
	return json.Marshal(patch)
}

// migrate rewrites the API version in managedFields of a live object that is about to be applied in another one; with mixed
// versions the API server refuses fields that only the newer one declares.
func (e *Engine) migrate(ctx context.Context, c Clients, s *step) error {
	live, err := c.metadata(s.target, s.id.Namespace).Get(ctx, s.id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return s.fail("query failed", err)
	}
	const act = "failed to migrate API version"
	old := foreignOf(live)
	ops, err := ssa.PatchMigrateToVersion(old.Unstructured, s.obj.GetAPIVersion())
	if err != nil {
		return s.fail(act, err)
	}
	patch, err := guarded(old.Unstructured, ops)
	if err != nil {
		return s.fail(act, err)
	}
	if patch == nil {
		return nil
	}
	_, err = c.metadata(s.target, s.id.Namespace).
		Patch(ctx, s.id.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: e.cfg.Field})
	if err != nil {
		return s.fail(act, err)
	}
	return nil
}
