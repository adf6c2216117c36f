// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package helmchart publishes a Helm chart as an artifact.
//
// A run walks eight phases. accept refuses what this version does not do. storage removes old files and checks the published chart. source reads
// the object that the chart comes from. locate finds out which chart and version that source has for this object: in the table of a Helm
// repository, among the tags of a registry, or in the Chart.yaml of a source tree. version adds build metadata; where the result is what was
// published for this generation, the run is over. pull downloads the archive. build merges values files, adds dependencies and packages, unless
// the archive is published as it is. archive stores it. An object that is deleted takes its files along.
//
// It reads HelmCharts, their sources, Secrets, and the HelmRepositories of the namespace for the credentials of dependencies, and writes the
// finalizer and the status of HelmCharts. Source trees are unpacked once for all charts in them.
//
// Metrics: gotk_reconcile_duration_seconds{kind="HelmChart"}, gotk_cache_events_total.
package helmchart
