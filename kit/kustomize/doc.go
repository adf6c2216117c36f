// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package kustomize turns a path of an artifact into Kubernetes objects. It is the only user of the
// kustomize libraries.
//
// A Builder renders exactly what the kustomize engine renders, byte for byte, but
//
//   - reads the artifact through a view that cannot be left and is never written to: the
//     kustomization file it generates or amends exists in memory only;
//   - runs builds in parallel. The engine keeps one OpenAPI schema per process; a build that brings
//     its own runs alone and leaves nothing behind (see schemaGate);
//   - bounds what the engine loads over HTTP in size and time, checks it like files of the artifact
//     (BoundRemotes), and loads it before a build that runs alone, so that a server which hangs holds
//     nobody else up;
//   - refuses what would exhaust the stack or the memory, or never end, before a library gets it:
//     nothing recovers from that (limits, references, policy, expanded);
//   - remembers what a build looked at (facts) and, when a new artifact looks the same there, hands
//     out the earlier output without a build. That costs map lookups, no disk access.
//
// Substitute replaces variables in built objects. Contract: kustomize-controller, sections 1.3, 4.6
// and 4.7. Design notes: docs/design/0005-parallel-builds.md and
// 0014-builds-that-end-the-process.md.
package kustomize
