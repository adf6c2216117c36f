// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"strings"
	"testing"
)

func TestLater(t *testing.T) {
	cases := map[string]struct {
		reason   string
		args     []string
		wantCode int
		wantOut  string
		wantErr  string
	}{
		"Version": {
			reason:  "The version says that the program comes later.",
			args:    []string{"--version"},
			wantOut: "comes in a later version",
		},
		"Nothing": {
			reason:   "Without arguments it fails instead of pretending to work.",
			wantCode: 1,
			wantErr:  "comes in a later version",
		},
		"OtherFlags": {
			reason:   "Flags that do nothing yet are refused.",
			args:     []string{"--version", "--verbose"},
			wantCode: 1,
			wantErr:  "knows only --version",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := Later("program", tc.args, &stdout, &stderr); code != tc.wantCode {
				t.Errorf("%s\nLater() = %d, want %d", tc.reason, code, tc.wantCode)
			}
			check(t, tc.reason, stdout.String(), tc.wantOut)
			check(t, tc.reason, stderr.String(), tc.wantErr)
		})
	}
}

func check(t *testing.T, reason, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) || (want == "") != (got == "") {
		t.Errorf("%s\ngot %q, want %q in it", reason, got, want)
	}
}
