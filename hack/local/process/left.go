// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"os"
	"path/filepath"
)

// Naming lists the processes, other than this one, that name a text in their arguments or environment: the folder of what was started, to see
// whether anything of it is left. A process in the middle of exec names nothing. It looks into /proc, as Linux has it, and finds nothing elsewhere.
func Naming(text string) []string {
	var found []string
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, p := range processes {
		if pid, err := os.Readlink("/proc/self"); err == nil && pid == filepath.Base(p) {
			continue
		}
		arguments, _ := os.ReadFile(filepath.Join(p, "cmdline")) // gone meanwhile, or somebody else's
		environment, _ := os.ReadFile(filepath.Join(p, "environ"))
		if bytes.Contains(arguments, []byte(text)) || bytes.Contains(environment, []byte(text)) {
			found = append(found, filepath.Base(p)+" "+string(bytes.ReplaceAll(arguments, []byte{0}, []byte(" "))))
		}
	}
	return found
}
