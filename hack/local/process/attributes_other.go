// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import "syscall"

// attributes puts the program into a process group of its own, so that Ctrl-C on the terminal reaches only us and we stop things in order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
