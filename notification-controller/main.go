// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command notification-controller takes events and webhooks: it tells people and services what happened, and wakes what a webhook is about.
package main

import (
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/notification-controller/internal/app"
)

func main() {
	manager.Main(app.Program())
}
