// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers is a server that is asked without a network.
type answers func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(request *http.Request) (*http.Response, error) { return a(request) }

// asking loads n documents and returns how often the server was asked and the errors.
func asking(t *testing.T, n int, server answers) (asked int, errs []string) {
	t.Helper()
	r := newRemote(nil)
	r.client.Transport = answers(func(request *http.Request) (*http.Response, error) {
		asked++
		return server(request)
	})
	for i := range n {
		text := ""
		if _, err := r.load(t.Context(), fmt.Sprintf("http://schemas.invalid/%d", i)); err != nil {
			text = err.Error()
		}
		errs = append(errs, text)
	}
	return asked, errs
}

// TestRemoteBytes holds that all documents together have a limit, beyond which none is asked for.
func TestRemoteBytes(t *testing.T) {
	text := `["` + strings.Repeat("x", 5<<20-4) + `"]`
	asked, errs := asking(t, 10, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(text))}, nil
	})
	if asked != 4 || errs[2] != "" || errs[3] != errBytes.Error() || errs[9] != errBytes.Error() {
		t.Errorf("asked %d times: %q", asked, errs)
	}
}

// TestRemoteAttempts holds that what cannot be read counts, too.
func TestRemoteAttempts(t *testing.T) {
	asked, errs := asking(t, maxDocuments+10, func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	if asked != maxDocuments || errs[maxDocuments] != "more than 50 documents" {
		t.Errorf("asked %d times: %q", asked, errs)
	}
}

// TestRemoteTime holds that servers which do not answer take no longer than a minute altogether.
func TestRemoteTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, first := time.Now(), true
		asked, errs := asking(t, 10, func(request *http.Request) (*http.Response, error) {
			if first { // so that the last one begins in the middle
				first = false
				time.Sleep(downloadLimit / 3)
				return nil, io.ErrUnexpectedEOF
			}
			<-request.Context().Done()
			return nil, request.Context().Err()
		})
		if took := time.Since(began); asked != 5 || took != downloadsLimit {
			t.Errorf("asked %d times in %s: %q", asked, took, errs)
		}
		if errs[3] != "no whole answer within 15s" || errs[4] != "no whole answer within 10s" || errs[5] != "the documents before it took longer than 1m0s" {
			t.Errorf("got %q", errs)
		}
	})
}
