// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package apply brings sets of objects into a cluster with server-side apply, keeps track of them, removes what left the set,
// and tells how healthy they are. It works on plain values and knows no custom resource, condition or outcome.
//
// One pass is Prepare, Plan, Apply, Prune, Health:
//
//   - [Engine.Prepare] normalises and labels the desired objects and gives each a content hash.
//   - [Engine.Plan] compares them with the ledger (what was applied, in memory), the watches (what is there) and the inventory
//     (what this owner had). An object whose ledger entry holds costs no request, now or later.
//   - [Engine.Apply] dry-runs everything a stage changes before it writes the first object of that stage, and reports all
//     failures together. An object that changes costs two requests.
//   - [Engine.Prune] deletes what the inventory holds and the set does not.
//   - [Engine.Health] takes a snapshot, never waits, and wakes the owner when the answer may have changed.
//
// Nothing here parks a goroutine on the cluster: where something has to happen first, Apply returns [StagePending] and Health
// a pending list, and Config.Wake is called when it is worth asking again.
//
// The ledger is a cache. Losing it, or not being allowed to watch, costs requests but never correctness: what cannot be
// proven unchanged is dry-run in full and compared with the live object.
package apply
