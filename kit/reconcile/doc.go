// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package reconcile is the driver that every kind shares. A kind is a value of type Kind: how to read it, its phases, and one pure function
// that turns facts and the outcome of a run into status. The driver loads the object, keeps the finalizer, walks the phases, writes the
// status at most once at the end (and once in the middle when a phase publishes its progress), sends events, records the duration and says
// when to come back.
//
// A phase never sets a condition, never writes status and never sleeps. It returns nil or one of the outcomes of kit/outcome.
package reconcile
