// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/util/csaupgrade"
)

// migrateTries bounds how often a migration is computed anew because the object changed meanwhile.
const migrateTries = 3

// migrate makes fields that we once wrote on the client's side fields of our server-side apply, so that those which are no longer
// wanted go away when the object is applied again. An answer to an apply shows whether there are any, so that nothing is asked before.
func (c *Client) migrate(ctx context.Context, info *resource.Info, a answer) (bool, error) {
	for try := 1; ; try++ {
		m, err := a.metadata(info.Mapping.GroupVersionKind)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(m.GetManagedFields(), isOwnUpdate) {
			return try > 1, nil
		}
		patch, err := migration(m)
		if err != nil {
			return false, err
		}
		target := call{mapping: info.Mapping, namespace: info.Namespace, name: info.Name, verb: http.MethodPatch}
		target.body, target.contentType = patch, "application/json-patch+json"
		target.query = map[string]string{"fieldManager": FieldManager}
		if _, err = c.rest.send(ctx, target); err == nil {
			return true, nil
		}
		if try == migrateTries || !apierrors.IsConflict(err) && !apierrors.IsInvalid(err) {
			return false, fmt.Errorf("migrate managed fields: %w", err)
		}
		if a, err = c.rest.send(ctx, call{verb: http.MethodGet, mapping: info.Mapping, namespace: info.Namespace, name: info.Name}); err != nil {
			return false, fmt.Errorf("migrate managed fields: %w", err)
		}
	}
}

func isOwnUpdate(e metav1.ManagedFieldsEntry) bool {
	return e.Manager == FieldManager && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == ""
}

// migration returns a JSON patch for the version of the object that it was computed from.
func migration(m *metav1.PartialObjectMetadata) ([]byte, error) {
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(m, sets.New(FieldManager), FieldManager)
	if err != nil {
		return nil, fmt.Errorf("migrate managed fields: %w", err)
	}
	if !json.Valid(patch) {
		return nil, fmt.Errorf("migrate managed fields: no patch for %s", m.GetName())
	}
	return patch, nil
}
