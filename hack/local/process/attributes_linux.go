// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import "syscall"

// attributes puts the program into a process group of its own, so that Ctrl-C on the terminal reaches only us and we stop things in order,
// and has the kernel kill it should we be killed: nobody is left to insist, and what runs here survives being killed at any time.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
