// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package fetch is the consumer's side of the artifact protocol: a content-addressed cache of
// unpacked artifacts.
//
// However many objects use an artifact, a process downloads, verifies and unpacks it once. The
// result is a Tree: a read-only directory and an index of what is in it, with the hash of every
// file. Trees that are in use stay; the others form a cache that is bounded in bytes and drops
// what was not used for longest. Nothing survives a restart: what an earlier process left is removed.
//
// A download belongs to the cache, not to who asked for it. Callers wait for it as long as
// Options.Patience, counted from its start, and not at all once it needs a second attempt or its
// server is known to be slow; they are told through a callback when it ended. Thus a dead server
// holds no worker. Contract: kustomize-controller, sections 4.5 and 9 (rows 7 to 11).
package fetch
