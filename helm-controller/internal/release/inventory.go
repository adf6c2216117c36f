// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/apply"
)

// InventoryInput is what an inventory is made of.
type InventoryInput struct {
	// Manifest of the revision.
	Manifest string
	// CRDs are the files in the folder crds of the chart and its subcharts.
	CRDs [][]byte
	// Listed are objects that are known to be in the inventory already.
	Listed []helmv2.ResourceRef
	// Namespace of the release, for objects that name none.
	Namespace string
	// Namespaced tells whether a kind lives in namespaces.
	Namespaced func(schema.GroupVersionKind) (bool, error)
}

// Inventory lists the objects of a revision, hooks left out, and those of the folder crds of its chart. unsure names the kinds of objects
// without a namespace of which nobody could say whether they need one; they are listed without. Contract 3.3.
func Inventory(in InventoryInput) (inventory *helmv2.ResourceInventory, unsure []string, err error) {
	objects, err := readObjects([]byte(in.Manifest))
	if err != nil {
		return nil, nil, fmt.Errorf("read manifest: %w", err)
	}
	objects = slices.DeleteFunc(objects, isHook)
	for _, file := range in.CRDs {
		crds, err := readObjects(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read custom resource definitions: %w", err)
		}
		objects = append(objects, crds...)
	}
	inventory = &helmv2.ResourceInventory{Entries: make([]helmv2.ResourceRef, 0, len(objects))}
	seen := make(map[string]bool, len(objects))
	for _, u := range objects {
		gvk, namespace := u.GroupVersionKind(), u.GetNamespace()
		if namespace == "" {
			namespaced, err := in.Namespaced(gvk)
			switch {
			case err != nil && !slices.Contains(unsure, gvk.String()):
				unsure = append(unsure, gvk.String())
			case namespaced:
				namespace = in.Namespace
			}
		}
		entry := apply.NewEntry(gvk, namespace, u.GetName())
		if !seen[entry.ID] {
			seen[entry.ID] = true
			inventory.Entries = append(inventory.Entries, helmv2.ResourceRef{ID: entry.ID, Version: entry.Version})
		}
	}
	for _, entry := range in.Listed {
		if !seen[entry.ID] {
			seen[entry.ID] = true
			inventory.Entries = append(inventory.Entries, entry)
		}
	}
	return inventory, unsure, nil
}

// Scopes tells whether kinds live in namespaces, as the mapper knows it.
func Scopes(mapper meta.RESTMapper) func(schema.GroupVersionKind) (bool, error) {
	return func(kind schema.GroupVersionKind) (bool, error) {
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return false, fmt.Errorf("look up %s: %w", kind, err)
		}
		return mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
	}
}

func isHook(u *unstructured.Unstructured) bool {
	_, ok := u.GetAnnotations()[helmrelease.HookAnnotation]
	return ok
}

// readObjects reads the documents of a YAML stream. Lists count as what they list, empty documents as nothing.
func readObjects(stream []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		read, err := readDocument(document)
		if err != nil {
			return nil, err
		}
		objects = append(objects, read...)
	}
}

func readDocument(document []byte) ([]*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(document, &u.Object); err != nil {
		return nil, err
	}
	if len(u.Object) == 0 {
		return nil, nil
	}
	if !u.IsList() {
		if u.GetKind() == "" || u.GetName() == "" {
			return nil, errors.New("object without kind or name")
		}
		return []*unstructured.Unstructured{u}, nil
	}
	var objects []*unstructured.Unstructured
	err := u.EachListItem(func(item runtime.Object) error {
		object, ok := item.(*unstructured.Unstructured)
		if !ok || object.GetKind() == "" || object.GetName() == "" {
			return errors.New("list item without kind or name")
		}
		objects = append(objects, object)
		return nil
	})
	return objects, err
}
