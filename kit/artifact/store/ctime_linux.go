// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"io/fs"
	"syscall"
)

// changeTime returns when the inode last changed. Unlike the time of modification nobody can set it.
func changeTime(info fs.FileInfo) syscall.Timespec {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim
	}
	return syscall.Timespec{}
}
