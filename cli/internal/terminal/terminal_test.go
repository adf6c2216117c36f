// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestConfirm(t *testing.T) {
	cases := map[string]struct {
		reason, answer string
		aborted        bool
		says           string
	}{
		"Yes":     {reason: "Yes goes on.", answer: "yes\n"},
		"Short":   {reason: "So does y, in whatever case, without the end of the line.", answer: " Y"},
		"No":      {reason: "No does not.", answer: "n\n", aborted: true, says: "aborting"},
		"Other":   {reason: "Nor does anything else.", answer: "yep\n", aborted: true, says: "aborting"},
		"Return":  {reason: "Nor does just the return key.", answer: "\n", aborted: true, says: "aborting"},
		"Nothing": {reason: "A script is told how not to be asked.", aborted: true, says: "aborting, as nobody answers; --silent does not ask"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var asked bytes.Buffer
			err := Terminal{In: strings.NewReader(tc.answer), Err: &asked}.Confirm(t.Context(), "Sure?", "silent")
			if errors.Is(err, ErrAborted) != tc.aborted || (err != nil && err.Error() != tc.says) {
				t.Errorf("%s got %v, want %q", tc.reason, err, tc.says)
			}
			if !strings.HasPrefix(asked.String(), "Sure? [y/N] ") {
				t.Errorf("asked %q", &asked)
			}
		})
	}
}

// TestConfirmInterrupted checks that Ctrl-C ends a question that nobody answers.
func TestConfirmInterrupted(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if err := (Terminal{In: in, Err: io.Discard}).Confirm(ctx, "Sure?", "silent"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
