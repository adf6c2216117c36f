// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package manifests carries the kustomize bases of this folder in programs that install them, so that a command needs no network and no
// checkout, and installs exactly what was released with it.
package manifests

import "embed"

// Files holds every base, with the paths that they have in this folder: a build of install is the whole of it.
//
//go:embed crds helm-controller image-automation-controller install kustomize-controller notification-controller policies rbac source-controller
var Files embed.FS
