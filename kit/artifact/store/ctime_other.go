// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package store

import "io/fs"

// changeTime is not looked at: controllers run on Linux only.
func changeTime(fs.FileInfo) struct{} { return struct{}{} }
