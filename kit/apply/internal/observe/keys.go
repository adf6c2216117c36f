// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Flags are the opt-outs and findings read from an object's metadata.
type Flags uint8

// The flags. All but TakeOver are set by users, as label or annotation.
const (
	// Skip: "reconcile: disabled" or "ssa: Ignore"; never applied, never pruned.
	Skip Flags = 1 << iota
	// IfNotPresent: "ssa: IfNotPresent"; created when absent, else skipped. Honoured on the desired object only.
	IfNotPresent
	// Merge: "ssa: Merge"; fields of kubectl users are left alone.
	Merge
	// Force: "force: enabled"; recreated when an immutable field changes.
	Force
	// Keep: "prune: disabled"; not deleted by garbage collection.
	Keep
	// TakeOver: somebody holds fields, or left annotations, that have to be taken over before applying.
	TakeOver
)

// Has tells whether all bits of o are set.
func (f Flags) Has(o Flags) bool { return f&o == o }

// ReadFlags reads the opt-outs of group from labels and annotations. Values compare case-insensitively.
//
// Flux: docs/spec/v1/kustomizations.md, "Controlling the apply behavior of resources".
func ReadFlags(group string, labels, annotations map[string]string) Flags {
	is := func(key, value string) bool {
		key = group + "/" + key
		return strings.EqualFold(labels[key], value) || strings.EqualFold(annotations[key], value)
	}
	var f Flags
	for _, rule := range [...]struct {
		key, value string
		flag       Flags
	}{
		{"reconcile", "disabled", Skip},
		{"ssa", "Ignore", Skip},
		{"ssa", "IfNotPresent", IfNotPresent},
		{"ssa", "Merge", Merge},
		{"force", "enabled", Force},
		{"prune", "disabled", Keep},
	} {
		if is(rule.key, rule.value) {
			f |= rule.flag
		}
	}
	return f
}

// LeftoverAnnotations names the annotations of kubectl and older releases that are removed from adopted objects.
func (r Reader) LeftoverAnnotations() []string {
	return []string{"kubectl.kubernetes.io/last-applied-configuration", r.Group + "/checksum", "fluxcd.io/sync-checksum"}
}

// LeftoverLabels names the labels of older releases that are removed from adopted objects.
func (r Reader) LeftoverLabels() []string { return []string{"fluxcd.io/sync-gc-mark"} }

func (r Reader) hasLeftovers(labels, annotations map[string]string) bool {
	for _, key := range r.LeftoverLabels() {
		if _, ok := labels[key]; ok {
			return true
		}
	}
	for _, key := range r.LeftoverAnnotations() {
		if _, ok := annotations[key]; ok {
			return true
		}
	}
	return false
}

// Manager is a field manager prefix whose fields become ours.
type Manager struct {
	Prefix    string
	Operation metav1.ManagedFieldsOperationType
}

// Managers lists the field managers that are taken over: kubectl users, objects from before server-side apply, our own
// client-side writes, and what the operator named.
func (r Reader) Managers() []Manager {
	list := []Manager{
		{"kubectl", metav1.ManagedFieldsOperationApply},
		{"kubectl", metav1.ManagedFieldsOperationUpdate},
		{"before-first-apply", metav1.ManagedFieldsOperationUpdate},
		{r.Field, metav1.ManagedFieldsOperationUpdate},
	}
	for _, name := range r.Overrides {
		list = append(list,
			Manager{name, metav1.ManagedFieldsOperationApply},
			Manager{name, metav1.ManagedFieldsOperationUpdate})
	}
	return list
}

// Foreign tells whether the fields of e have to be taken over.
func (r Reader) Foreign(e *metav1.ManagedFieldsEntry) bool {
	if e.Subresource != "" {
		return false
	}
	for _, m := range r.Managers() {
		if e.Operation == m.Operation && strings.HasPrefix(e.Manager, m.Prefix) {
			return true
		}
	}
	return false
}
