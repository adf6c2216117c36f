// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package alert decides who is told about an event, and tells them. For the outbox it is the handler of both steps: Route finds the Alerts that
// match and what each of them asks for, from the cache, once when the event has come; Deliver reads the Provider's Secrets, makes the metadata
// that is sent, and sends, for as long as the timeout of the Provider allows.
//
// Whatever goes wrong is told as a Kubernetes Event on the Alert; neither Alert nor Provider has a status.
//
// It also holds the reconciler of the kind, which only takes away a finalizer of older versions. In the cluster the package reads Alerts and
// Providers from the cache, Secrets and the metadata of event sources live, and writes events and that finalizer.
//
// Metrics: weir_notifications_total.
//
// Flux: contract notification-controller, sections 3 to 5.
package alert
