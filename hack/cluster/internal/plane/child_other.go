// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package plane

import "syscall"

// childAttributes put a child in a process group of its own, so that Ctrl-C in a terminal reaches the supervisor only.
// The lifeline alone ends it when the supervisor is gone.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
