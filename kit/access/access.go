// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package access decides whether an object may refer to another one. The rule is a pure function, so that every kind answers alike.
package access

import (
	"fmt"

	"github.com/fluxcd/pkg/runtime/acl"
)

// Reference is what an object points to.
type Reference struct {
	// Kind is the kind of the target, as in "GitRepository".
	Kind string
	// Namespace is the namespace of the target; empty means that of the referring object.
	Namespace string
	// Name is the name of the target.
	Name string
}

// String returns Kind/namespace/name.
func (r Reference) String() string {
	return fmt.Sprintf("%s/%s/%s", r.Kind, r.Namespace, r.Name)
}

// Namespaced refuses a reference that leaves the namespace of the referring object while rules ask for that (--no-cross-namespace-refs).
// The error is an acl.AccessDeniedError; its text is that of the contracts.
func Namespaced(rules acl.Options, namespace string, to Reference) error {
	if !rules.NoCrossNamespaceRefs || to.Namespace == "" || to.Namespace == namespace {
		return nil
	}
	return acl.AccessDeniedError(fmt.Sprintf("can't access '%s', cross-namespace references have been blocked", to))
}

// Gated refuses a reference to a kind whose feature gate is off.
func Gated(enabled bool, gate string, to Reference) error {
	if enabled {
		return nil
	}
	return acl.AccessDeniedError(fmt.Sprintf("can't access '%s', %s feature gate is disabled", to, gate))
}
