// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package excerpt_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-gitops/weir/kit/excerpt"
)

func TestOf(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		limit  int
		want   string
	}{
		"Short":      {"A text that fits stays as it is.", "apple", 6, "apple"},
		"Exact":      {"The limit itself fits.", "apples", 6, "apples"},
		"Cut":        {"The mark counts: what is stored with a limit takes the result.", "appletree", 6, "app..."},
		"Rune":       {"Half a rune is left out.", "apéritif", 6, "ap..."},
		"WholeRune":  {"A rune that fits stays.", "apéritif", 7, "apé..."},
		"Invalid":    {"What is no text does not get into a condition.", "a\xffb", 6, "ab"},
		"InvalidCut": {"The same in a text that is cut.", "a\xffbcdefgh", 7, "abc..."},
		"Empty":      {"Nothing stays nothing.", "", 0, ""},
		"NoRoom":     {"A limit below the mark is held.", "apple", 2, ".."},
		"Negative":   {"There is no text of less than nothing.", "apple", -1, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := excerpt.Of(c.text, c.limit); got != c.want {
				t.Errorf("%s: Of(%q, %d) = %q, want %q", c.reason, c.text, c.limit, got, c.want)
			}
		})
	}
}

func FuzzOf(f *testing.F) {
	f.Add("apéritif", 6)
	f.Add(strings.Repeat("\xf0\x9f", 9), 7)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		got := excerpt.Of(text, limit)
		if len(got) > max(limit, 0) || !utf8.ValidString(got) {
			t.Errorf("Of(%q, %d) = %q", text, limit, got)
		}
	})
}
