// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package receiver gives Receivers their path.
//
// A run walks three phases. accept refuses types that this version does not have, fields that contradict each other, and filters that do not
// compile. token reads the Secret and makes the path from it. claim makes sure that no older Receiver has the same path. Requests that come in
// on the path are the business of package webhook.
//
// It reads Receivers and the Secrets they name, and writes the finalizer and the status of Receivers. A change of a Secret that carries the
// watch label starts a run of its users, and one of the path of a Receiver one of all that have the same.
//
// Metrics: gotk_reconcile_duration_seconds{kind="Receiver"}.
package receiver
