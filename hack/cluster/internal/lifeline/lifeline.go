// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package lifeline ends a process when the one it belongs to is gone, however that one died. A component of a cluster
// must never outlive its supervisor, and a supervisor may be told not to outlive the program that started it.
//
// On Linux the kernel kills a supervisor's children with it (see package plane); the pipe here does the same on every
// Unix, because a kernel closes the write end when its only holder ends, also by SIGKILL.
package lifeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Env names the environment variable that holds the number of the descriptor which a child watches.
const Env = "WEIR_CLUSTER_LIFELINE"

// ErrGone is the cause of a context that ended because the process it was bound to is gone.
var ErrGone = errors.New("the process this one was bound to has ended")

// pollInterval is how often a parent is looked at. It bounds how long an orphan lives; a look costs one system call.
const pollInterval = 250 * time.Millisecond

// Pipe returns the end that children inherit and the end that keeps them alive while it is open.
func Pipe() (child, keep *os.File, err error) {
	child, keep, err = os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a lifeline: %w", err)
	}
	return child, keep, nil
}

// Hold ends this process at once when the descriptor named by [Env] reaches its end. Without that variable it does
// nothing. It unsets the variable, so that a program started from here is not bound by accident.
func Hold() {
	number, err := strconv.Atoi(os.Getenv(Env))
	if err != nil {
		return
	}
	_ = os.Unsetenv(Env)
	syscall.CloseOnExec(number)
	line := os.NewFile(uintptr(number), "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, line)
		os.Exit(1)
	}()
}

// HoldParent ends this process at once when its parent is gone.
func HoldParent() {
	ctx := WithParent(context.Background())
	go func() {
		<-ctx.Done()
		os.Exit(1)
	}()
}

// WithParent returns a context that is cancelled, with cause [ErrGone], when the parent of this process has ended. The
// kernel's own death signal is not used for that: it is sent when the parent's starting thread ends, not the parent.
func WithParent(ctx context.Context) context.Context {
	parent := os.Getppid()
	return until(ctx, func() bool { return os.Getppid() != parent })
}

// WithPID returns a context that is cancelled, with cause [ErrGone], when the process of that id has ended.
func WithPID(ctx context.Context, pid int) context.Context {
	return until(ctx, func() bool { return !Alive(pid) })
}

// WithReader returns a context that is cancelled, with cause [ErrGone], when r reaches its end.
func WithReader(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel(ErrGone)
	}()
	return ctx
}

// Alive tells whether a process of that id runs. One that has ended and only waits for its parent to notice does not.
func Alive(pid int) bool {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) //nolint:gosec // a number cannot lead elsewhere
	if err != nil {
		return true // no /proc here: the signal's word is all there is
	}
	// The state follows the name, which stands in parentheses and may itself contain some.
	end := bytes.LastIndexByte(stat, ')')
	return end < 0 || !bytes.HasPrefix(stat[end+1:], []byte(" Z"))
}

func until(ctx context.Context, gone func() bool) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(pollInterval)
		defer tick.Stop()
		for !gone() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		cancel(ErrGone)
	}()
	return ctx
}
