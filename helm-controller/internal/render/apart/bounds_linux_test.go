// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"testing"
	"time"
)

// TestBoundsOfSystem has charts that hit bounds which not every system has.
func TestBoundsOfSystem(t *testing.T) {
	t.Parallel()
	testBounds(t, map[string]boundCase{
		"Memory": {
			reason: "A text that doubles sixty times uses up the memory.", template: `{{ $s := "xxxxxxxx" }}{{ range until 60 }}{{ $s = print $s $s }}{{ end }}`,
			time: forEver, want: "the templates need more than 512 MiB of memory",
		},
		"AtOnce": {
			reason: "A list may ask for more than there is in one call.", template: "{{ range until 1000000000 }}{{ end }}",
			time: forEver, want: "the templates need more than 512 MiB of memory",
		},
		"Processor": {
			reason: "Or takes up what it may have of processors, whatever the clock says.", template: endless,
			time: forEver, cpu: 2 * time.Second, want: "the templates need more than 2s of a processor",
		},
	})
}
