// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"strings"
	"testing"
)

// TestReport reads what servers say about a push: only what they say about the reference itself is success.
func TestReport(t *testing.T) {
	const ref = "refs/heads/main"
	cases := map[string]struct {
		reason, report string
		want           error
	}{
		"Taken":    {"The reference was moved.", packets("unpack ok\n", "ok "+ref+"\n", ""), nil},
		"Refused":  {"It was not.", packets("unpack ok\n", "ng "+ref+" protected\n", ""), ErrRejected},
		"Unpack":   {"The objects were not taken.", packets("unpack no space\n", "ng "+ref+" unpacker error\n", ""), ErrRejected},
		"Silent":   {"Nothing is said about the reference.", packets("unpack ok\n", ""), errProtocol},
		"Another":  {"Something is said about another one.", packets("unpack ok\n", "ok refs/heads/other\n", ""), errProtocol},
		"NoReport": {"There is no report.", "", errProtocol},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &pushing{Push: Push{Ref: ref}, reports: true}
			if err := s.receive(strings.NewReader(tc.report)); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("%s got %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}
