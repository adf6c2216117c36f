// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package store

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lock locks an open file or directory against everybody who opened it on their own, in this process too, until it is closed. It does not wait.
func lock(f *os.File) lockState {
	conn, err := f.SyscallConn()
	if err != nil {
		return lockUnknown
	}
	result := error(syscall.EINTR)
	for err == nil && errors.Is(result, syscall.EINTR) {
		err = conn.Control(func(fd uintptr) { result = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	}
	switch {
	case err == nil && result == nil:
		return lockHeld
	case errors.Is(result, syscall.EWOULDBLOCK):
		return lockTaken
	}
	return lockUnknown
}

// renamed returns f under another name, which is only that of the handle. f is closed.
func renamed(f *os.File, name string) (*os.File, error) {
	other, err := duplicate(f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, errors.Join(err, other.Close())
	}
	return other, nil
}

// keep returns what keeps the lock of f after f is closed, until it is closed itself.
func keep(f *os.File) (io.Closer, error) { return duplicate(f, f.Name()) }

// duplicate returns another handle of the same opening of a file, with the same locks.
func duplicate(f *os.File, name string) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name), nil
}
