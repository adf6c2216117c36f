// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1 holds what kinds of several groups share and github.com/fluxcd/pkg/apis does not have: the inventory of applied objects
// and the rules that go with applying. It serves no kind of its own.
//
// +kubebuilder:object:generate=true
package v1
