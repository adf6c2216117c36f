// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/cli/internal/terminal"
)

func TestCheckRelease(t *testing.T) {
	cases := map[string]struct {
		reason, running string
		status          int
		answer          string
		want            string
		asked           bool
	}{
		"Newer":    {"A newer one is said.", "v1.9.0", http.StatusOK, `{"tag_name":"v1.10.0","name":"1.10"}`, "✗ weir 1.9.0 <1.10.0 (a newer version is available)\n", true},
		"Same":     {"The newest one is fine.", "v1.10.0", http.StatusOK, `{"tag_name":"v1.10.0"}`, "", true},
		"Ahead":    {"So is one that is not announced yet.", "v1.11.0", http.StatusOK, `{"tag_name":"v1.10.0"}`, "", true},
		"Build":    {"What is no release is not compared.", "v0.0.0-dev.abc", http.StatusOK, `{"tag_name":"v1.10.0"}`, "", false},
		"Devel":    {"Nor is what has no version.", "devel-abc", http.StatusOK, `{"tag_name":"v1.10.0"}`, "", false},
		"NotFound": {"Nobody can tell.", "v1.9.0", http.StatusNotFound, `{"message":"Not Found","status":"404"}`, "", true},
		"Garbage":  {"Nobody can tell.", "v1.9.0", http.StatusOK, `<html>`, "", true},
		"Nonsense": {"Nobody can tell.", "v1.9.0", http.StatusOK, `{"tag_name":"nightly"}`, "", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			asked := false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked = true
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.answer)
			}))
			defer server.Close()
			var said bytes.Buffer
			checkRelease(t.Context(), session.New(terminal.Terminal{Err: &said}, nil), server.URL, tc.running)
			if said.String() != tc.want || asked != tc.asked {
				t.Errorf("%s said %q, want %q; asked %t", tc.reason, &said, tc.want, asked)
			}
			server.Close()
			said.Reset()
			checkRelease(t.Context(), session.New(terminal.Terminal{Err: &said}, nil), server.URL, tc.running)
			if said.Len() > 0 {
				t.Errorf("without a network nothing is said, got %q", &said)
			}
		})
	}
}

// TestCheckReleaseSilence checks that nothing is waited for longer than the caller wants.
func TestCheckReleaseSilence(t *testing.T) {
	ctx, giveUp := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		giveUp()
		<-req.Context().Done()
	}))
	defer server.Close()
	var said bytes.Buffer
	checkRelease(ctx, session.New(terminal.Terminal{Err: &said}, nil), server.URL, "v1.0.0")
	if said.Len() > 0 {
		t.Errorf("without an answer nothing is said, got %q", &said)
	}
}
