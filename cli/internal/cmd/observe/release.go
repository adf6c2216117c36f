// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/object"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// maxReleaseBytes bounds a stored release when it is unpacked. A Secret holds 1 MiB, which text packs into at a hundredth of its size at
// worst.
const maxReleaseBytes = 64 << 20

// errTooLarge says that a stored release is larger than anything Helm writes.
var errTooLarge = errors.New("stored release is too large")

// stored lists the objects of the newest revision as Helm has stored it. A release that was never made has none.
func (t *tree) stored(ctx context.Context, obj *unstructured.Unstructured) ([]object.ObjMetadata, error) {
	var release helmv2.HelmRelease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &release); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	latest := release.Status.History.Latest()
	if latest == nil {
		return nil, nil
	}
	key := client.ObjectKey{
		Namespace: cmp.Or(release.Status.StorageNamespace, release.GetStorageNamespace()),
		Name:      fmt.Sprintf("sh.helm.release.v1.%s.v%d", latest.Name, latest.Version),
	}
	var secret corev1.Secret
	if err := t.client.Get(ctx, key, &secret); err != nil {
		return nil, fmt.Errorf("stored release: %w", err)
	}
	manifest, err := unpackManifest(secret.Data["release"])
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", key, err)
	}
	objects, err := parseManifest(manifest)
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", key, err)
	}
	found := make([]object.ObjMetadata, 0, len(objects))
	for _, o := range objects {
		placed, err := t.place(o, latest.Namespace)
		if err != nil {
			return nil, err
		}
		found = append(found, placed)
	}
	return found, nil
}

// place completes the namespace of an object, which templates mostly leave to the release.
func (t *tree) place(obj *unstructured.Unstructured, namespace string) (object.ObjMetadata, error) {
	gvk := obj.GroupVersionKind()
	o := object.ObjMetadata{Namespace: obj.GetNamespace(), Name: obj.GetName(), GroupKind: gvk.GroupKind()}
	mapping, err := t.client.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version)
	switch {
	case apimeta.IsNoMatchError(err): // the kind is gone, its scope is anybody's guess
	case err != nil:
		return o, fmt.Errorf("find kind %s: %w", gvk.Kind, err)
	case mapping.Scope.Name() == apimeta.RESTScopeNameRoot:
		o.Namespace = ""
	case o.Namespace == "":
		o.Namespace = namespace
	}
	return o, nil
}

// unpackManifest reads the manifest of a stored release: base64 of JSON, which is usually gzipped.
func unpackManifest(payload []byte) (string, error) {
	data, err := base64.StdEncoding.DecodeString(string(payload))
	if err != nil {
		return "", fmt.Errorf("decode base64: %w", err)
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b, 0x08}) {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return "", fmt.Errorf("unpack: %w", err)
		}
		if data, err = io.ReadAll(io.LimitReader(r, maxReleaseBytes+1)); err != nil {
			return "", fmt.Errorf("unpack: %w", err)
		}
		if len(data) > maxReleaseBytes {
			return "", errTooLarge
		}
	}
	var release struct {
		Manifest string `json:"manifest"`
	}
	if err := json.Unmarshal(data, &release); err != nil {
		return "", fmt.Errorf("decode release: %w", err)
	}
	return release.Manifest, nil
}

// parseManifest reads the objects of a stream of YAML documents, those of lists one by one.
func parseManifest(manifest string) ([]*unstructured.Unstructured, error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	var objects []*unstructured.Unstructured
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		var fields map[string]any
		if err := yaml.Unmarshal(document, &fields); err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		obj := &unstructured.Unstructured{Object: fields}
		switch {
		case len(fields) == 0:
		case obj.IsList():
			items, _, _ := unstructured.NestedSlice(fields, "items")
			for _, item := range items {
				if fields, ok := item.(map[string]any); ok {
					objects = append(objects, &unstructured.Unstructured{Object: fields})
				}
			}
		default:
			objects = append(objects, obj)
		}
	}
}
