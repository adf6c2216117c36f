// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/weir-gitops/weir/kit/manager/version"
)

func main() {
	os.Exit(version.Later("notification-controller", os.Args[1:], os.Stdout, os.Stderr))
}
