// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"strconv"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fieldTree is a decoded fieldsV1: "f:<name>" and "k:{<merge key>}" lead to sub-trees.
type fieldTree map[string]any

// otherAppliers returns the fields of every server-side apply manager but ours.
func otherAppliers(live *unstructured.Unstructured, field string) []fieldTree {
	var trees []fieldTree
	for _, e := range live.GetManagedFields() {
		if e.Subresource != "" || e.Operation != metav1.ManagedFieldsOperationApply || e.Manager == field || e.FieldsV1 == nil {
			continue
		}
		var t fieldTree
		if err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &t); err == nil {
			trees = append(trees, t)
		}
	}
	return trees
}

// ownedBy tells whether one of the trees holds the field at path. List elements are found by their merge key.
func ownedBy(trees []fieldTree, live *unstructured.Unstructured, path ignorePath) bool {
	for _, t := range trees {
		if t.holds(live.Object, path) {
			return true
		}
	}
	return false
}

func (t fieldTree) holds(node any, path ignorePath) bool {
	if len(path) == 0 {
		return true
	}
	var next any
	var child any
	var found bool
	switch n := node.(type) {
	case map[string]any:
		next = n[path[0]]
		child, found = t["f:"+path[0]]
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(n) {
			return false
		}
		next = n[i]
		child, found = t.element(n[i])
	}
	if !found {
		return false
	}
	sub, ok := child.(map[string]any)
	if !ok {
		return len(path) == 1
	}
	return fieldTree(sub).holds(next, path[1:])
}

// element returns the sub-tree whose merge key matches a list element.
func (t fieldTree) element(e any) (any, bool) {
	m, ok := e.(map[string]any)
	if !ok {
		return nil, false
	}
	for key, sub := range t {
		raw, isKey := strings.CutPrefix(key, "k:")
		if isKey && matchesKey(m, raw) {
			return sub, true
		}
	}
	return nil, false
}

func matchesKey(m map[string]any, raw string) bool {
	var key map[string]any
	if json.Unmarshal([]byte(raw), &key) != nil {
		return false
	}
	for name, want := range key {
		have := m[name]
		if i, ok := have.(int64); ok {
			have = float64(i) // encoding/json has no integers
		}
		if !apiequality.Semantic.DeepEqual(have, want) {
			return false
		}
	}
	return true
}
