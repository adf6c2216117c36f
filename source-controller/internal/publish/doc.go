// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package publish holds what all kinds of sources do with their artifact: look whether the one that status names is still in storage, store
// another one, tell people about it, and sum up what the conditions say.
package publish
