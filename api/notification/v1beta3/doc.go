// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1beta3 holds the kinds Alert and Provider of the group notification.toolkit.fluxcd.io: an alert chooses events, a provider
// says where they go. The JSON form is that of Flux v2.9, so objects written for either run with both.
//
// +kubebuilder:object:generate=true
// +groupName=notification.toolkit.fluxcd.io
package v1beta3
