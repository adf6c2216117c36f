// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package underway keeps notes on disk of work that a process may not survive: what others wrote can exhaust a stack or the memory, from which
// nothing recovers. The process that comes next finds the notes of what was under way, and does not end for the same reason for ever.
//
// See docs/design/0013 and 0014.
package underway
