// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package auth is the only reader of Secrets: it turns a reference into a credential. Every error names the Secret and the key that is
// wrong, and none repeats a value of it.
package auth
