// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the kind Receiver of the group notification.toolkit.fluxcd.io, which lets Git hosts and registries wake objects, and
// what it shares with the kinds of v1beta3. The JSON form is that of Flux v2.9, so objects written for either run with both.
//
// +kubebuilder:object:generate=true
// +groupName=notification.toolkit.fluxcd.io
package v1
