// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"fmt"
	"io"
)

// Later is the whole of a program whose work comes in a later version: it answers --version and refuses everything else, so that a Deployment
// of it fails visibly instead of doing nothing. It returns the exit code.
func Later(name string, args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "--version" {
		fmt.Fprintf(stdout, "%s %s: comes in a later version of Weir\n", name, String())
		return 0
	}
	fmt.Fprintf(stderr, "%s comes in a later version of Weir; this one knows only --version\n", name)
	return 1
}
