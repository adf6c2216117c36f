// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package apart runs the templates of charts, and keeps a chart that has ended the process once from ending it again. While templates run, a file
// in a folder that outlives the process says whose. What an earlier process left there names suspects: their templates run in a child process,
// with bounds on stack, memory, time and output.
//
// See docs/design/0013.
package apart
