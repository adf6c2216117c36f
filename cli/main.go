// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/weir-gitops/weir/kit/manager/version"
)

const name = "weir"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run answers --version. Anything else is an error, so that a Deployment of this binary fails visibly instead of doing nothing.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "--version" {
		fmt.Fprintf(stdout, "%s %s: comes in a later version of Weir\n", name, version.String())
		return 0
	}
	fmt.Fprintf(stderr, "%s comes in a later version of Weir; this one knows only --version\n", name)
	return 1
}
