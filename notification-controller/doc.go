// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command notification-controller will deliver events to chat, forges and incident tools, and turn webhooks into reconciles, as Provider,
// Alert and Receiver objects say. It comes in a later version of Weir. Until then the binary only says so.
package main
