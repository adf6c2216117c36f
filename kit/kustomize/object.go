// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/yaml"
)

// noIdentity is the contract's text for an object that lacks apiVersion, kind or name.
const noIdentity = "failed to decode Kubernetes apiVersion, kind and name from"

// Object is one built object. It never changes and may be shared.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	// JSON is the whole object.
	JSON []byte
}

// identity is the part of an object that names it.
type identity struct {
	APIVersion string
	Kind       string
	Metadata   struct {
		Name        string
		Namespace   string
		Labels      map[string]string
		Annotations map[string]string
	}
	Items json.RawMessage
}

// GroupVersionKind returns the type of the object.
func (o Object) GroupVersionKind() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(o.APIVersion, o.Kind)
}

// YAML returns the object as YAML with sorted keys.
func (o Object) YAML() ([]byte, error) { return yaml.JSONToYAML(o.JSON) }

// Unstructured returns the object as a value of its own.
func (o Object) Unstructured() (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(o.JSON); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", o.Kind, o.Name, err)
	}
	return u, nil
}

// newObject reads the identity of an object.
func newObject(content []byte) (Object, identity, error) {
	var id identity
	if depthOf(content) > maxDepth {
		return Object{}, id, errTooDeep
	}
	if err := json.Unmarshal(content, &id); err != nil {
		return Object{}, id, fmt.Errorf("%s: %w", noIdentity, err)
	}
	return Object{
		APIVersion: id.APIVersion, Kind: id.Kind,
		Namespace: id.Metadata.Namespace, Name: id.Metadata.Name,
		JSON: content,
	}, id, nil
}

// depthOf returns how deep JSON is nested: patches may add to what was read.
func depthOf(content []byte) int {
	depth, deepest, text, escaped := 0, 0, false, false
	for _, c := range content {
		switch {
		case escaped:
			escaped = false
		case text && c == '\\':
			escaped = true
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// objectsOf returns the objects of a build in its order.
func objectsOf(m resmap.ResMap) ([]Object, error) {
	objects := make([]Object, 0, m.Size())
	for _, res := range m.Resources() {
		content, err := res.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", res.CurId(), err)
		}
		more, err := expand(content)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// expand returns the object, the items of a list, or nothing for configuration of kustomize.
func expand(content []byte) ([]Object, error) {
	object, id, err := newObject(content)
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if len(id.Items) > 0 && json.Unmarshal(id.Items, &items) == nil {
		return expandAll(items)
	}
	switch {
	case object.APIVersion == "" || object.Kind == "" || object.Name == "":
		return nil, fmt.Errorf("%s: %s", noIdentity, object.excerpt())
	case strings.EqualFold(object.Kind, "Kustomization") && strings.HasPrefix(object.APIVersion, "kustomize.config.k8s.io/"):
		return nil, nil
	}
	return []Object{object}, nil
}

func expandAll(items []json.RawMessage) ([]Object, error) {
	var objects []Object
	for _, item := range items {
		more, err := expand(item)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// maxExcerptBytes keeps a message readable and conditions small.
const maxExcerptBytes = 200

// excerpt tells the object by what it has of an identity. The rest of it may be secret.
func (o Object) excerpt() string {
	text := fmt.Sprintf("{apiVersion: %q, kind: %q, metadata: {name: %q, namespace: %q}}", o.APIVersion, o.Kind, o.Name, o.Namespace)
	if len(text) <= maxExcerptBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxExcerptBytes], "") + "…"
}
