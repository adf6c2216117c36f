// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import "syscall"

// attributes are those of Linux only: the bench reads /proc and runs there.
func attributes() *syscall.SysProcAttr { return nil }
