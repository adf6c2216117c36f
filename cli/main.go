// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weir is the command line of the toolkit: it installs the controllers, shows what they do and asks them for more.
package main

import (
	"os"

	"github.com/weir-gitops/weir/cli/internal/cmd"
)

func main() {
	os.Exit(cmd.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
