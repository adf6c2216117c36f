// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster hands out clients for a cluster and an identity. Clients of one identity are built once and shared; all identities of a
// cluster share one REST mapper, one request limit and, through client-go's transport cache, one HTTP/2 connection.
package cluster
