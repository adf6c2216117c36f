// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
)

// PhaseAccept names the phase that looks at the spec alone.
const PhaseAccept = "accept"

// Unsupported collects the fields of a spec that this version does not act on: to ignore them would publish something else than was asked for.
type Unsupported struct {
	fields []string
}

// Add names a field that is set.
func (u *Unsupported) Add(set bool, field string) {
	if set {
		u.fields = append(u.fields, field)
	}
}

// Value names a field with its value.
func (u *Unsupported) Value(set bool, field, value string) {
	u.Add(set, fmt.Sprintf("%s '%s'", field, value))
}

// Provider names the field provider, unless it is the generic one.
func (u *Unsupported) Provider(provider string) {
	u.Value(provider != "" && provider != sourcev1.ProviderGeneric, "spec.provider", provider)
}

// Outcome ends the run if there is any such field.
func (u *Unsupported) Outcome() error {
	if len(u.fields) == 0 {
		return nil
	}
	return outcome.Stall(sourcev1.UnsupportedReason, fmt.Errorf("not supported yet by this version: %s", strings.Join(u.fields, ", ")))
}

// NameOf is the name that a reference gives, empty without one.
func NameOf(ref *meta.LocalObjectReference) string {
	if ref == nil {
		return ""
	}
	return ref.Name
}
