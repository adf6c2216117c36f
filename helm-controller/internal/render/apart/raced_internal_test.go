// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package apart

// raced says that the race detector looks on. It takes several times the memory, and has words of its own when that is refused.
const raced = true
