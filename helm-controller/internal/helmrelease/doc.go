// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package helmrelease reconciles the kind HelmRelease: it finds a chart, composes values, and keeps a Helm release of both installed, upgraded,
// tested and, where asked for, free of drift; a release that fails is remediated or tried again as the spec says.
//
// Phases: configure (compile expressions, refuse what is not supported) → template (keep the HelmChart of spec.chart) → depends (are the
// dependencies ready) → source (find the artifact) → values (compose them) → chart (fetch it, complete its version) → connect (clients of the
// identity that acts, the session on Helm's storage) → attempt (uninstall what belongs to another target, note what is attempted) → release
// (observe, decide, act, look again). The decision is a pure function in internal/release, an action is one call into internal/action.
//
// It reads HelmReleases, HelmCharts, OCIRepositories, and the ConfigMaps and Secrets named by valuesFrom; it writes the status and finalizer of
// HelmReleases, HelmCharts, and, as the identity that the object names, Helm's storage and whatever the chart holds. A run in which nothing
// changed costs no request but at most one status write: the newest revision is known from a watch, drift from another.
//
// A Helm action runs inside its run from begin to end, but while it waits it gives its place among the --concurrent ones back (see Slots).
// Before an action begins the status says so, so that whatever happens to the process the next one knows; revisions that the status has not
// heard of carry the UID of their HelmRelease and are recognised.
//
// Metrics: gotk_reconcile_duration_seconds of the driver; the artifact cache has its own.
package helmrelease
