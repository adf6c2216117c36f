// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	helmkube "helm.sh/helm/v3/pkg/kube"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsv1beta1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/cli-runtime/pkg/resource"
)

// merge patches the live object with what changed from before, and with what somebody else changed of what is wanted.
func (c *Client) merge(ctx context.Context, info *resource.Info, before runtime.Object) error {
	live, err := c.get(ctx, info, true)
	if err != nil {
		return err
	}
	kind := info.Mapping.GroupVersionKind.Kind
	patch, patchType, err := threeWay(info, before, live.body)
	if err != nil {
		return fmt.Errorf("failed to create patch: %w", err)
	}
	if len(patch) == 0 || string(patch) == "{}" {
		c.Log("Looks like there are no changes for %s %q", kind, info.Name)
		return c.written(info, live)
	}
	c.Log("Patch %s %q in namespace %s", kind, info.Name, info.Namespace)
	a, err := c.write(ctx, info, call{
		verb: http.MethodPatch, mapping: info.Mapping, namespace: info.Namespace, name: info.Name,
		body: patch, contentType: string(patchType), query: map[string]string{"fieldManager": FieldManager},
	})
	if err != nil {
		return fmt.Errorf("cannot patch %q with kind %s: %w", info.Name, kind, err)
	}
	return c.written(info, a)
}

// threeWay returns the patch that brings live to the state of info: strategic for kinds whose Go types are known, a JSON merge patch for
// all others.
func threeWay(info *resource.Info, before runtime.Object, live []byte) ([]byte, types.PatchType, error) {
	old, err := json.Marshal(before)
	if err != nil {
		return nil, "", fmt.Errorf("serializing current configuration: %w", err)
	}
	want, err := json.Marshal(info.Object)
	if err != nil {
		return nil, "", fmt.Errorf("serializing target configuration: %w", err)
	}
	versioned := helmkube.AsVersioned(info)
	switch versioned.(type) {
	case runtime.Unstructured, *apiextensionsv1.CustomResourceDefinition, *apiextensionsv1beta1.CustomResourceDefinition:
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(old, want, live,
			mergepatch.RequireKeyUnchanged("apiVersion"), mergepatch.RequireKeyUnchanged("kind"), mergepatch.RequireMetadataKeyUnchanged("name"))
		if mergepatch.IsPreconditionFailed(err) {
			err = fmt.Errorf("%w: at least one field was changed: apiVersion, kind or name", err)
		}
		return patch, types.MergePatchType, err
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(versioned)
	if err != nil {
		return nil, "", fmt.Errorf("unable to create patch metadata from object: %w", err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(old, want, live, meta, true)
	return patch, types.StrategicMergePatchType, err
}
