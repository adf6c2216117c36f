// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command image-automation-controller scans registries, selects tags and writes them back to Git.
package main

import (
	"github.com/weir-gitops/weir/image-automation-controller/internal/app"
	"github.com/weir-gitops/weir/kit/manager"
)

func main() {
	manager.Main(app.Program())
}
