// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/manager"
)

// Flags is a case of TestFlags.
type Flags struct {
	// Reason says what the case is about.
	Reason string
	// Args are the arguments of the program.
	Args []string
	// Refused are words that the complaints have to hold; without any the arguments have to be good.
	Refused []string
}

// TestFlags holds what a program says to its arguments. Nothing is started.
func TestFlags(t *testing.T, program func() manager.Program, cases map[string]Flags) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := program()
			_, err := p.Parse(tc.Args, io.Discard)
			if (err != nil) != (len(tc.Refused) > 0) {
				t.Fatalf("%s\nParse() = %v", tc.Reason, err)
			}
			for _, word := range tc.Refused {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s\n%q does not name %s", tc.Reason, err, word)
				}
			}
		})
	}
}
