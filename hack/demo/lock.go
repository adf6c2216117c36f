// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "syscall"

// lock takes a file for this process; the kernel gives it back when the process ends, however it ends. The descriptor is bare, as an
// os.File would be closed, and the lock with it, once nobody refers to it any more.
func lock(path string) error {
	fd, err := syscall.Open(path, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
}
