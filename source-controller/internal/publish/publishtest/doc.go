// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package publishtest is the suite that every kind of source passes: what its status and its events say of its artifact.
package publishtest
