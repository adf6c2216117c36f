// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package events records what happened to an object in two places: as a Kubernetes Event in the object's namespace, and as a JSON document
// posted to the notification address. Recording never blocks and never fails the reconcile: both places are fed in the background, the
// notification address from a queue with a bound, in which a document stays until it is delivered. Documents about one object arrive in the
// order of what happened; what is queued when the process ends gets a last attempt, for a bounded time.
//
// Metrics: weir_events_queued, weir_events_dropped_total.
//
// Flux: docs/spec/v1beta3/events.md of the notification-controller describes the document; contract kustomize-controller, "Events".
package events
