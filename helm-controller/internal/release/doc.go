// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package release holds the facts about a Helm release and what follows from them: what is observed of a stored revision, snapshots and
// their digests, the history of a HelmRelease, failure accounting, the state of a release and the next action. It works on plain values:
// no client, no clock, no condition. Contract helm-controller, sections 2.4, 3, 4, 7 and 8.
package release
