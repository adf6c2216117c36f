// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import "github.com/fluxcd/pkg/apis/kustomize"

// ResourceInventory lists the objects an owner applied. Pruning and deletion go by it, so an object is listed before it is applied
// and stays listed until it is known to be gone.
type ResourceInventory struct {
	// Entries in the order of application.
	// +required
	Entries []ResourceRef `json:"entries"`
}

// ResourceRef names an applied object.
type ResourceRef struct {
	// ID is <namespace>_<name>_<group>_<kind>, with an empty namespace for cluster-scoped objects and an empty group for the core
	// group. In the names of RBAC objects a colon is written as two underscores.
	// +required
	ID string `json:"id"`

	// Version of the API the object was applied with, such as v1. It takes no part in the identity of the object.
	// +required
	Version string `json:"v"`
}

// CommonMetadata is put on every object an owner applies.
type CommonMetadata struct {
	// Annotations to set; existing ones of the same key are overridden.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Labels to set; existing ones of the same key are overridden. Selectors and pod templates are left alone.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}

// IgnoreRule names fields that are left to others: they count neither as drift nor are they corrected.
type IgnoreRule struct {
	// Paths are JSON pointers (RFC 6901) of the fields, such as /spec/replicas; the empty pointer is the whole object. A malformed
	// one fails the run that meets it.
	// +required
	Paths []string `json:"paths"`

	// Target selects the objects; its group, version, kind, name and namespace are anchored regular expressions. Default: all
	// objects.
	// +optional
	Target *kustomize.Selector `json:"target,omitempty"`
}
