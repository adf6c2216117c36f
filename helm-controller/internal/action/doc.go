// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package action runs the actions of Helm, a file for each, and returns what they did as plain values.
//
// Helm keeps the order that makes a release safe: the pending revision is in storage before anything is applied, so that a process that
// is killed leaves something to resume from. The end of the context is not told to Helm, which would return while its work goes on:
// instead the Kubernetes client refuses, Helm takes the failure its ordinary way and records it, and nothing is left running.
//
// Charts are rendered here, once, and not by Helm, because post-renderers may have to see hooks; Helm gets a chart without templates, and
// the storage what was rendered.
//
// Contract: helm-controller, sections 7.6, 9, 12 to 14, 18.2 to 18.4.
package action
