// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package render turns a chart and values into what Helm stores and applies: a manifest, hooks and notes. It renders the templates
// once, because they may use random functions, and puts the result through the post-renderers: kustomize patches and images, common
// metadata, and the labels that name the HelmRelease.
//
// Contract: helm-controller, section 12.
package render
