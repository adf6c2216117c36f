// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package imagerepository lists the tags of images and keeps them for policies.
//
// A run walks four phases. accept looks at the spec. connect reads the credentials; nothing is sent yet. decide asks whether a scan is due; most
// runs are over then. scan lists the tags page by page, leaves out what is excluded, and stores the set if it is another one.
//
// What is stored is compared by checksum: a scan that finds what the one before found writes no file, and one status, for the time of the scan.
// The set is stored before the status tells of it; a process that is killed in between finds that the two differ, and scans again.
//
// It reads ImageRepositories and the Secrets and ServiceAccounts they name, and writes the finalizer and the status of ImageRepositories.
//
// Metrics: gotk_reconcile_duration_seconds{kind="ImageRepository"}.
package imagerepository
