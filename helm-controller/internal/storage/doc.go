// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package storage keeps Helm releases in Secrets, in the format of the helm command. A Session is what one run sees of one release: it lists
// metadata, reads only the payloads that somebody looks at, remembers what it wrote, and serves as Helm's storage driver. The Ledger keeps
// the newest revision of each release between runs and knows from a watch of metadata whether it still is the newest, so that a run in which
// nothing changed asks nothing. Contract helm-controller, section 16.
//
// Secrets are read and written with the account of the release. The watch uses the controller's own account and sees no payload; without the
// right to watch, or before it has caught up, everything is read in full.
package storage
