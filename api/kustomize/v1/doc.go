// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the kind of the group kustomize.toolkit.fluxcd.io: Kustomization, which builds manifests from an artifact,
// applies them, keeps them applied and removes what left the source. The JSON form is that of Flux v2.9, so objects written for
// either run with both.
//
// +kubebuilder:object:generate=true
// +groupName=kustomize.toolkit.fluxcd.io
package v1
