// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package intake takes the events that controllers post: it decodes and cleans them, drops what it has seen within a window, and answers as soon
// as an event is durable. Who gets an event is found later, by package alert, so that no answer waits for anything but the disk.
//
// The endpoint is not authenticated, and every field of an event is foreign input.
//
// Flux: contract notification-controller, sections 2 and 3.
package intake
