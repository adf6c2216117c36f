// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outcome_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-gitops/weir/kit/outcome"
)

func TestOf(t *testing.T) {
	cause := errors.New("connection refused")
	cases := map[string]struct {
		reason string
		err    error
		want   outcome.Outcome
	}{
		"Done": {
			reason: "A phase that returns nil is done.",
			err:    nil,
			want:   outcome.Outcome{},
		},
		"Wait": {
			reason: "A wait carries its time, its reason and its text.",
			err:    outcome.Wait(time.Minute, "DependencyNotReady", "dependency %q is not ready", "a/b"),
			want: outcome.Outcome{
				Class: outcome.Waiting, Reason: "DependencyNotReady", After: time.Minute, Err: cmpopts.AnyError,
			},
		},
		"Stall": {
			reason: "A stall has no next attempt.",
			err:    outcome.Stall("URLInvalid", cause),
			want:   outcome.Outcome{Class: outcome.Stalled, Reason: "URLInvalid", Err: cause},
		},
		"FailWrapped": {
			reason: "An outcome is found through wrapping.",
			err:    fmt.Errorf("while testing: %w", outcome.Fail("BuildFailed", cause)),
			want:   outcome.Outcome{Class: outcome.Failed, Reason: "BuildFailed", Err: cause},
		},
		"FailAfter": {
			reason: "A failure can name its own time until the next attempt.",
			err:    outcome.FailAfter(time.Second, "ArtifactFailed", cause),
			want:   outcome.Outcome{Class: outcome.Failed, Reason: "ArtifactFailed", After: time.Second, Err: cause},
		},
		"Unforeseen": {
			reason: "Any other error is kept whole.",
			err:    cause,
			want:   outcome.Outcome{Class: outcome.Unforeseen, Err: cause},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := outcome.Of(tc.err)
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nOf(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestUnwrap(t *testing.T) {
	cause := errors.New("no route")
	if !errors.Is(outcome.Fail("X", cause), cause) {
		t.Error("the cause of an outcome must be reachable with errors.Is")
	}
}
