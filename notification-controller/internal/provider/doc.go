// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package provider holds the reconciler of Providers. It keeps a finalizer on them, as the compatibility target does, and warns of a kind of service
// that this version does not have; a Provider is used, and found wrong, when an event is sent (package alert).
package provider
