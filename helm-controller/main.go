// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command helm-controller installs, upgrades, tests and rolls back the Helm releases that HelmReleases describe.
package main

import (
	"github.com/weir-gitops/weir/helm-controller/internal/app"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/kit/manager"
)

func main() {
	apart.Main()
	manager.Main(app.Program())
}
