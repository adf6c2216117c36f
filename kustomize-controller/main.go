// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command kustomize-controller applies Kustomizations and keeps them applied.
package main

import (
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kustomize-controller/internal/app"
)

func main() {
	manager.Main(app.Program())
}
