// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package status holds the one write that brings the status of a run to the API server: none when nothing changed, and never a word lost
// that somebody else wrote.
package status
