// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weir-gitops/weir/kit/oci"
)

func TestRetryAfter(t *testing.T) {
	cases := map[string]struct {
		reason   string
		path     string
		status   int
		header   string
		want     time.Duration
		requests int
	}{
		"Seconds":   {"A wait that is too long for the spot is handed on.", "/v2/app/tags/list", http.StatusTooManyRequests, "120", 2 * time.Minute, 1},
		"Busy":      {"Also of a server that is busy.", "/v2/app/tags/list", http.StatusServiceUnavailable, "60", time.Minute, 1},
		"Handshake": {"Also at the first request of all.", "/v2/", http.StatusTooManyRequests, "90", 90 * time.Second, 1},
		"Bounded":   {"A registry cannot put us off for ever.", "/v2/app/tags/list", http.StatusTooManyRequests, "99999999", time.Hour, 1},
		"None":      {"Without the header the usual attempts are made.", "/v2/app/tags/list", http.StatusTooManyRequests, "", 0, 3},
		"Nonsense":  {"What is neither seconds nor date counts for nothing.", "/v2/app/tags/list", http.StatusTooManyRequests, "soon", 0, 3},
		"Other":     {"Other failures ask for nothing.", "/v2/app/tags/list", http.StatusInternalServerError, "60", 0, 3},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != tc.path {
					return
				}
				requests++
				w.Header().Set("Retry-After", tc.header)
				w.WriteHeader(tc.status)
			}))
			defer server.Close()
			name, err := oci.ParseImage(strings.TrimPrefix(server.URL, "http://") + "/app")
			if err != nil {
				t.Fatal(err)
			}
			client := oci.NewClient(oci.Options{RetryWait: time.Millisecond})
			defer client.Close()
			repository := client.Open(name, oci.Access{})
			defer repository.Close()
			_, err = repository.AllTags(t.Context())
			after, ok := oci.RetryAfter(err)
			if err == nil || after != tc.want || ok != (tc.want > 0) || requests != tc.requests {
				t.Errorf("%s\ngot %s, %v after %d requests: %v", tc.reason, after, ok, requests, err)
			}
		})
	}
}
