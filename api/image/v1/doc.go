// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the kinds of the group image.toolkit.fluxcd.io: ImageRepository lists the tags of an image, ImagePolicy chooses one,
// ImageUpdateAutomation writes what was chosen back to Git. The JSON form is that of Flux v2.9, so objects written for either run with
// both.
//
// +kubebuilder:object:generate=true
// +groupName=image.toolkit.fluxcd.io
package v1
