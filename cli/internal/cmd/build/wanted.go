// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
)

// readBufferBytes is how much of a file is looked at to tell YAML from JSON.
const readBufferBytes = 4096

// wanted returns the Kustomization to build, from the file if there is one.
func (b *builder) wanted(ctx context.Context, name string) (*kustomizev1.Kustomization, error) {
	key := client.ObjectKey{Namespace: b.session.Namespace, Name: name}
	b.seen[key] = true
	if b.file != "" {
		return fromFile(b.file, key)
	}
	obj := new(kustomizev1.Kustomization)
	if err := b.client.Get(ctx, key, obj); err != nil {
		return nil, fmt.Errorf("get Kustomization/%s: %w", key, err)
	}
	return obj, nil
}

// fromFile finds a Kustomization in a stream of documents: the one of the namespace, else one that names none.
func fromFile(file string, key client.ObjectKey) (*kustomizev1.Kustomization, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--kustomization-file: %w", err)
	}
	var found *unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), readBufferBytes)
	for {
		u := new(unstructured.Unstructured)
		err := decoder.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if !isKustomization(u) || u.GetName() != key.Name {
			continue
		}
		if u.GetNamespace() == key.Namespace || u.GetNamespace() == "" && found == nil {
			found = u
		}
		if u.GetNamespace() == key.Namespace {
			break
		}
	}
	if found == nil {
		return nil, fmt.Errorf("Kustomization/%s is not in %s", key, file) //nolint:staticcheck // the name of an object
	}
	found.SetNamespace(key.Namespace)
	return typed(found)
}

func isKustomization(u *unstructured.Unstructured) bool {
	return u.GetKind() == kustomizev1.KustomizationKind && u.GroupVersionKind().Group == kustomizev1.Group
}

func typed(u *unstructured.Unstructured) (*kustomizev1.Kustomization, error) {
	obj := new(kustomizev1.Kustomization)
	content, err := u.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(content, obj)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
	}
	return obj, nil
}
