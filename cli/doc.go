// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command weir will be the command line tool for people who run Weir. It comes in a later version of Weir. Until then the binary only says so.
package main
