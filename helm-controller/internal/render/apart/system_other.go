// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package apart

import (
	"os"
	"syscall"
)

// executable is this program.
func executable() (string, error) { return os.Executable() }

// attributes asks for nothing: a child ends with its parent because its input does.
func attributes() *syscall.SysProcAttr { return nil }

// restrict leaves it to the collector to keep memory small, and to the clock to end what takes long: there are no bounds that every system has.
func restrict(int64, int64) error { return nil }
