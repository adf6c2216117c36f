// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package outbox keeps what was accepted until it is delivered: it is on disk before the sender is told that it was taken, so that a
// process that is killed at any point goes on where it was.
//
// An entry takes two steps. First it is routed: the handler says which targets get it, and the answer is written down. Then it is delivered to
// each target. Entries with the same key are routed, and delivered to the targets of one group (a service), in the order they came; what has
// different keys does not wait for each other. A group never has more than a few deliveries under way, so a slow service delays no other.
//
// On disk the outbox is a folder of segments. A segment is a file of entries, flushed to the device before an entry counts as taken (what comes
// at the same time shares a flush), and a file of what became of them, which is not: after a power cut, not after a kill, a delivery may be
// repeated. A segment goes as soon as all of its entries are delivered. A torn record at the end of either file is what a kill leaves behind
// and is ignored. What a disk damages in the middle costs no more than what it hit: entries behind it are found again by their checksums, it is
// logged with file and offset, and counted.
//
// Metrics: weir_outbox_entries, weir_outbox_bytes, weir_outbox_refused_total, weir_outbox_damaged_total.
package outbox
