// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package notify sends events to the services that Providers describe: one Notifier for each kind of service, made by New from Options that a
// Loader reads from a Provider and its Secrets.
//
// A notifier makes one attempt and never waits; what its error says about another attempt is for the caller to act on. No error holds a
// secret. Services are in packages below this one: chat, forge, incident and stream; what they share is in delivery.
package notify
