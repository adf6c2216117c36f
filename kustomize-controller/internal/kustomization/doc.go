// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package kustomization reconciles the kind Kustomization: it builds the manifests below a path of a source's artifact, applies them to the
// cluster, prunes what the source no longer has, and reports their health.
//
// Phases: configure (compile expressions, refuse what is not supported) → source (find the artifact) → depends (are the dependencies ready) →
// connect (clients of the identity that acts) → variables (read what postBuild names) → compare (has anything moved) → fetch → build → plan →
// record (persist the inventory before the first write) → apply → prune → health. When nothing moved, compare lets everything up to health be
// skipped, and a run costs no request.
//
// It reads Kustomizations, sources, ConfigMaps and Secrets named by postBuild; it writes the status and finalizer of Kustomizations and, as the
// identity they name, whatever their manifests hold. Waiting for health, for a dependency, for a CRD to be established or for an artifact server
// holds no worker: the run ends, and a watch or the deadline starts the next.
//
// Metrics: gotk_reconcile_duration_seconds of the driver; the caches of artifacts and builds have their own.
package kustomization
