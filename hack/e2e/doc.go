// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the whole of Weir as users have it: the programs from bin/, on a control plane of its own, with the servers that they talk to
// beside it. It knows them by the public API only and sees nothing but what they do to a cluster.
package e2e
