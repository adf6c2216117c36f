// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package store

import (
	"io"
	"os"
)

// lock is not known: controllers run on Linux only. What is left over is told by its age.
func lock(*os.File) lockState { return lockUnknown }

// renamed returns f: only messages gain by another name.
func renamed(f *os.File, _ string) (*os.File, error) { return f, nil }

// keep returns something to close: there is no lock to keep.
func keep(f *os.File) (io.Closer, error) { return io.NopCloser(f), nil }
