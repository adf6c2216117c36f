// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package helmrepository publishes the index of a Helm repository as an artifact.
//
// A run of an object of the type default walks four phases. storage removes old files and checks the published one. download asks for the index
// with what the server said about the last one; where that still holds, or where the bytes are the same, the run is over. compile reads the
// index piece by piece into a temporary file. archive writes it to storage as normalised JSON, together with a private table in which charts
// find their versions. An object that is deleted takes its files along.
//
// An object of the type oci is only looked up by charts: it gets no finalizer, no conditions and no artifact, and loses those it has.
//
// It reads HelmRepositories and the Secrets they name, and writes the finalizer and the status of HelmRepositories.
//
// Metrics: gotk_reconcile_duration_seconds{kind="HelmRepository"}.
package helmrepository
