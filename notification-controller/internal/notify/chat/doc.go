// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package chat sends events to chat services, a file for each.
package chat
