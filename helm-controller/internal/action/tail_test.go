// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
)

func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := &tail{log: logr.Discard()}
		for i := range 12 {
			lines.add("line %d\n", i)
		}
		lines.add("again")
		lines.add("again")
		got := strings.Split(lines.String(), "\n")
		if len(got) != maxLines || got[0] != "2000-01-01T00:00:00Z: line 3" {
			t.Errorf("%q", got)
		}
		if last := got[len(got)-1]; last != "2000-01-01T00:00:00Z: again (1 duplicate lines omitted)" {
			t.Errorf("last line %q", last)
		}
	})
}
