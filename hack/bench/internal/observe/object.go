// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Condition is what is used of a status condition.
type Condition struct {
	Type, Status, Reason, Message string
	ObservedGeneration            int64
}

// Conditions returns those of the object that are well formed.
func Conditions(o *unstructured.Unstructured) []Condition {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	found := make([]Condition, 0, len(list))
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok {
			generation, _, _ := unstructured.NestedInt64(fields, "observedGeneration")
			found = append(found, Condition{
				Type: text(fields, "type"), Status: text(fields, "status"),
				Reason: text(fields, "reason"), Message: text(fields, "message"),
				ObservedGeneration: generation,
			})
		}
	}
	return found
}

// Ready tells whether the object reports readiness for what its spec says now.
func Ready(o *unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	if observed != o.GetGeneration() {
		return false
	}
	for _, c := range Conditions(o) {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

// Field returns a string at a path of fields, empty if there is none.
func Field(o *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

func text(fields map[string]any, name string) string {
	value, _, _ := unstructured.NestedString(fields, name)
	return value
}

// state describes an object for a person who wants to know what it waits for.
func state(o *unstructured.Unstructured) string {
	if o == nil {
		return "does not exist"
	}
	var parts []string
	for _, c := range Conditions(o) {
		parts = append(parts, fmt.Sprintf("%s=%s %s %q", c.Type, c.Status, c.Reason, c.Message))
	}
	for _, field := range []string{"lastAppliedRevision", "lastHandledReconcileAt"} {
		if value := Field(o, "status", field); value != "" {
			parts = append(parts, field+" "+value)
		}
	}
	if len(parts) == 0 {
		return "no status"
	}
	return strings.Join(parts, ", ")
}
