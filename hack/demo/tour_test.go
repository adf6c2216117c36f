// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
)

func TestAwait(t *testing.T) {
	cases := map[string]struct {
		reason string
		after  time.Duration // of the effect
		want   time.Duration
		ok     bool
	}{
		"AtOnce": {"What is there already takes no time.", 0, 0, true},
		"Later":  {"The time is exact to one look.", 10 * lookInterval, 10 * lookInterval, true},
		"Never":  {"What does not come ends the tour.", 2 * stepTimeout, 0, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				missing := errors.New("nobody came")
				took, err := await(t.Context(), func(context.Context) error {
					if time.Since(began) < tc.after {
						return missing
					}
					return nil
				})
				if tc.ok && (err != nil || took != tc.want) {
					t.Errorf("%s\ntook %s, error %v", tc.reason, took, err)
				}
				if !tc.ok && (!errors.Is(err, missing) || !strings.Contains(err.Error(), "not within")) {
					t.Errorf("%s\nwant an error that says what is missing and for how long, got %v", tc.reason, err)
				}
			})
		})
	}
}

func TestExcerpt(t *testing.T) {
	if got := excerpt("one\n  two\n"); got != "one two" {
		t.Errorf("got %q, want one line", got)
	}
	if got := excerpt(strings.Repeat("ä", 1000)); len([]rune(got)) > 200 {
		t.Errorf("%d characters, want an excerpt", len([]rune(got)))
	}
}

func TestProof(t *testing.T) {
	if got := proof(notificationv1.HarborReceiver, "token", []byte("{}"))["Authorization"]; got != "token" {
		t.Errorf("Harbor sends the token as it is, got %q", got)
	}
	// From `printf '{}' | openssl dgst -sha256 -hmac token`.
	const want = "sha256=5c88aa97c426854fb8f94deb5a1f202a537891ced9b9ae9c99bc1d3323d27d53"
	if got := proof(notificationv1.GitHubReceiver, "token", []byte("{}"))["X-Hub-Signature-256"]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
