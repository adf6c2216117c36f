// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package excerpt shortens texts that somebody else wrote, so that they fit into a log, a condition or an event.
package excerpt

import "strings"

// mark ends a text that was cut.
const mark = "..."

// Of returns the text, or as much of its beginning as fits into limit bytes together with a mark that tells of the cut. What it returns is valid
// UTF-8: no rune is cut in two, and bytes that are no text are left out.
func Of(text string, limit int) string {
	if len(text) <= limit {
		return strings.ToValidUTF8(text, "")
	}
	if limit <= len(mark) {
		return mark[:max(limit, 0)]
	}
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
}
