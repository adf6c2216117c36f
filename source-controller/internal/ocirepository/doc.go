// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package ocirepository publishes a layer of an OCI artifact as an artifact.
//
// A run walks six phases. accept refuses what this version does not do. storage removes old files and checks the published one. resolve asks
// the registry which manifest the reference names, with one request once logged in; where nothing moved the run is over. prepare empties a
// private directory. fetch reads the manifest and brings the wanted layer there, unpacked or as it is. archive writes it to storage. From
// resolve on only the digest counts, so that a tag that moves meanwhile changes nothing. An object that is deleted takes its files along.
//
// It reads OCIRepositories, the Secrets they name and the image pull Secrets of the service account they name, and writes the finalizer and the
// status of OCIRepositories. On disk an object has its directory with artifacts, which is served, and during a run a private one for the layer.
//
// Metrics: gotk_reconcile_duration_seconds{kind="OCIRepository"}.
package ocirepository
