// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package apart guards the work on charts, and keeps a chart that has ended the process once from ending it again. During the work a file in a folder
// that outlives the process says whose it is. What an earlier process left there names suspects: they are worked on one at a time, their templates run in
// a child process, with bounds on stack, memory, time and output, and whoever has ended the process three times is refused.
//
// See docs/design/0013.
package apart
