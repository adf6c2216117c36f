// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import "syscall"

// attributes keeps Ctrl-C of the terminal away from the program, so that it is
// ended in order, and has the kernel end it when the bench is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
