// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package referrer finds the objects of a kind by what they refer to, so that a change of one object starts the runs of exactly those that it
// concerns: by indexes of the cache, at the cost of no request. What a kind reads from a source is in kit/source, what it depends on in
// kit/depends; the ConfigMaps and Secrets it takes values from are here.
package referrer
