// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package policy chooses a tag, as an ImagePolicy says: which tags take part, what of each is compared, and what makes one win. It is pure.
//
// A tag is looked at once and not kept, whatever their number. Which one wins never depends on chance: ties have rules.
// Flux: image-automation-controller contract, "Selection".
package policy
