// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package observe watches what an apply engine put into a cluster, and remembers little of it.
//
// A [Hub] keeps one label-selected watch per managed kind, metadata only, and reduces every object at intake to a [Record] of
// a few dozen bytes: enough to tell whether anybody took a field away from us, whether the object still belongs to its owner
// and which opt-outs it carries. A kind whose health is asked for is watched with full objects; of those only the computed
// [Status] is kept beside the record. Objects that carry no owner label are watched one by one ([Hub.Spot]).
//
// What cannot be watched (no permission, kind not served, watch not connected yet) is reported as unknown, never as absent.
package observe
