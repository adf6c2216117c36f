// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package webhook takes requests of Git hosts and registries and wakes the objects that a Receiver names.
//
// A request goes through: the limit of its body, the Receiver of its path (from the cache, or the API server where that may know more), whether it is
// ready, the proof of its type (a file for each, with the Secret read live), its events and filters, and then the objects, each with one metadata
// patch and several at once. What is wrong with one object does not keep the others from being woken. Nothing of the path, which is a credential, is
// logged.
//
// It reads Receivers, the Secrets they name, and metadata of objects where a filter or a label selector asks for it; it writes one annotation.
package webhook
