// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// errMissingKind says no more than what is missing: the text of the decoder quotes the whole document, which may hold secrets.
var errMissingKind = errors.New("object 'Kind' is missing")

// object is one Kubernetes object as decoded JSON.
type object map[string]any

// parseAll reads documents and, with note, puts the names of their templates on them. Lists become their items: metadata belongs on
// objects.
func parseAll(documents []document, note bool) ([]object, error) {
	var all []object
	for _, d := range documents {
		objects, err := parse([]byte(d.content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.source, err)
		}
		for _, o := range objects {
			if !note {
				break
			}
			if err := o.merge("annotations", map[string]string{sourceAnnotation: d.source}); err != nil {
				return nil, fmt.Errorf("%s: %w", d.source, err)
			}
		}
		all = append(all, objects...)
	}
	return all, nil
}

// parseStream reads what comes out of a post-renderer.
func parseStream(stream []byte) ([]object, error) {
	var all []object
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		objects, err := parse(doc)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
}

// parse reads one document, which may be empty or a list.
func parse(doc []byte) ([]object, error) {
	content, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(bytes.TrimSpace(content), []byte("null")) {
		return nil, nil
	}
	u := &unstructured.Unstructured{}
	err = u.UnmarshalJSON(content)
	if runtime.IsMissingKind(err) {
		return nil, errMissingKind
	}
	if err != nil {
		return nil, err
	}
	return flatten(u.Object)
}

func flatten(o object) ([]object, error) {
	u := &unstructured.Unstructured{Object: o}
	items, isList := o["items"].([]any)
	if !isList || !u.IsList() {
		return []object{o}, nil
	}
	var all []object
	for i, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("item %d of %s is no object", i, u.GetKind())
		}
		more, err := flatten(m)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// join encodes objects as a stream.
func join(objects []object) ([]byte, error) {
	var b bytes.Buffer
	for _, o := range objects {
		content, err := o.yaml()
		if err != nil {
			return nil, err
		}
		b.WriteString("---\n" + content)
	}
	return b.Bytes(), nil
}

func (o object) yaml() (string, error) {
	content, err := yaml.Marshal(map[string]any(o))
	return string(content), err
}

// metadata returns a map in the metadata of the object, nil if there is none.
func (o object) metadata(field string) map[string]any {
	meta, _ := o["metadata"].(map[string]any)
	values, _ := meta[field].(map[string]any)
	return values
}

// merge sets labels or annotations, over those of equal key.
func (o object) merge(field string, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	meta, ok := o["metadata"].(map[string]any)
	if !ok {
		if o["metadata"] != nil {
			return o.malformed("metadata")
		}
		meta = map[string]any{}
		o["metadata"] = meta
	}
	had, ok := meta[field].(map[string]any)
	if !ok {
		if meta[field] != nil {
			return o.malformed("metadata." + field)
		}
		had = make(map[string]any, len(values))
		meta[field] = had
	}
	for key, value := range values {
		had[key] = value
	}
	return nil
}

// forget removes a label or annotation, and the map if it was the only one.
func (o object) forget(field, key string) {
	values := o.metadata(field)
	delete(values, key)
	if meta, ok := o["metadata"].(map[string]any); ok && len(values) == 0 {
		delete(meta, field)
	}
}

func (o object) malformed(field string) error {
	u := &unstructured.Unstructured{Object: o}
	return fmt.Errorf("%s %q: %s is not a map", u.GetKind(), u.GetName(), field)
}
