// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command source-controller fetches desired state from where it is kept and publishes it as artifacts.
package main

import (
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/source-controller/internal/app"
)

func main() {
	manager.Main(app.Program())
}
