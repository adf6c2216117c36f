// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package apart

// raced says that the race detector looks on.
const raced = false
