// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitrepository publishes a commit of a Git repository as an artifact.
//
// A run walks five phases. accept refuses what this version does not do. storage removes old files and checks the published one. resolve asks
// the remote which commit the reference names, with one request; where nothing moved the run is over. fetch brings the new objects into the
// mirror of the object. archive writes the tree of the commit to storage. An object that is deleted takes its files along.
//
// It reads GitRepositories and the Secrets they name, and writes the finalizer and the status of GitRepositories. On disk an object has its
// directory with artifacts, which is served, and a private mirror and index, which may be lost at any time.
//
// Metrics: gotk_reconcile_duration_seconds{kind="GitRepository"}.
package gitrepository
