// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-gitops/weir/kit/git"
)

// The message of a commit is text, whoever wrote it, and no rune of it is cut in two.
func TestMessage(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, message, start string
	}{
		"Usual":  {"It is kept byte for byte.", "subject\n\nbody \u00e9\n", "subject\n\nbody \u00e9\n"},
		"Latin1": {"What is no UTF-8 is left out.", "caf\xe9", "caf"},
		"Long":   {"It is cut between two runes.", "x" + strings.Repeat("\u00e9", 1<<20), "x\u00e9"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.server.Commit(t, repoPath, "main", tc.message, map[string]string{"a": "1"})
			_, commit := f.fetch(t, git.Reference{Branch: "main"})
			if got := commit.Message; !utf8.ValidString(got) || !strings.HasPrefix(got, tc.start) || len(got) > 1<<20 || len(tc.message) < 1<<20 && got != tc.start {
				t.Errorf("%s\n%d bytes, %.20q", tc.reason, len(got), got)
			}
		})
	}
}
