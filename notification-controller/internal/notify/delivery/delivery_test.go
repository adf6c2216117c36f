// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	busy, broken := Unavailable("busy"), Invalid("broken")
	asked := Answered(http.StatusServiceUnavailable, http.Header{"Retry-After": {"45"}}, "later")
	cases := map[string]struct {
		attempt int
		err     error
		wait    time.Duration
		ok      bool
	}{
		"First": {1, busy, 2 * time.Second, true}, "Second": {2, busy, 4 * time.Second, true}, "Third": {3, busy, 8 * time.Second, true},
		"Fourth": {4, busy, 16 * time.Second, true}, "Fifth": {5, busy, 0, false}, "Permanent": {1, broken, 0, false},
		"Asked": {1, asked, 45 * time.Second, true}, "Foreign": {1, errors.New("x"), 0, false}, "Deadline": {1, context.DeadlineExceeded, 2 * time.Second, true},
	}
	for key, tc := range cases {
		if wait, ok := Backoff(tc.attempt, tc.err); wait != tc.wait || ok != tc.ok {
			t.Errorf("%s: got %s, %t", key, wait, ok)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "x": 0, "99999999999999999999": 0, "4000000000": maxRetryAfter,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %s", value, got)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("Fri, 02 Jan 2026 03:04:05 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if got := retryAfter(value, time.Unix(0, 0)); got < 0 || got > maxRetryAfter {
			t.Errorf("%q: %s", value, got)
		}
	})
}

func TestMask(t *testing.T) {
	mask := NewMask("", "se/cret+1", " padded \n", `quo"te`)
	for text, want := range map[string]string{
		"nothing":                      "nothing",
		"a se/cret+1 b":                "a ***** b",
		"a se%2Fcret%2B1 b":            "a ***** b",
		"a se%2fcret%2b1 b":            "a ***** b",
		"a %73%65/cret+1 b":            "a ***** b",
		"it is padded.":                "it is *****.",
		`json quo\"te`:                 `json *****`,
		"100% sure":                    "100% sure",
		"50%25":                        "50%25",
		"base64 c2UvY3JldCsx done":     "base64 ***** done",
		"se/cret+1se/cret+1":           "**********",
		"escaped a%20b stays as it is": "escaped a%20b stays as it is",
	} {
		if got := mask.Text(text); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	if mask.Error(nil) != nil {
		t.Error("no error stays none")
	}
	err := mask.Error(&Error{Class: Retryable, Status: 503, text: "with se/cret+1", cause: context.Canceled})
	own, ok := errors.AsType[*Error](err)
	if !ok || own.Class != Retryable || own.Status != 503 || own.Error() != "with *****" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %#v", err)
	}
}

// TestMaskCut: an answer that was cut off in the middle of a secret does not show the beginning of it, and no error is longer than people can read.
func TestMaskCut(t *testing.T) {
	const secret = "s3cr3t/t0ken+value"
	long := strings.Repeat("x", 1<<20)
	for name, answer := range map[string]string{
		"Cut": strings.Repeat("x", maxErrorBytes-10), "Escaped": strings.Repeat("x", maxErrorBytes-18-len(secret)) + url.QueryEscape(secret), "Whole": secret + long,
		"AtTheEnd": strings.Repeat("x", maxErrorBytes-len(secret)), "Before": strings.Repeat("x", maxErrorBytes-4) + " \n",
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, answer+secret+long)
			}))
			defer server.Close()
			p, err := NewPoster(Options{Address: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			text := NewMask(secret).Error(p.PostBytes(t.Context(), []byte("{}"), nil)).Error()
			if strings.Contains(text, secret[:minTailBytes]) || !strings.HasPrefix(text, "status 400: ") || len(text) > maxErrorBytes+len(mark)+20 {
				t.Errorf("%d bytes, ending with %q", len(text), text[max(0, len(text)-40):])
			}
		})
	}
}

// TestMaskBroken: nor does an answer whose connection broke there.
func TestMaskBroken(t *testing.T) {
	const secret = "s3cr3t/t0ken+value"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "bad token "+secret[:10])
	}))
	defer server.Close()
	p, err := NewPoster(Options{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := NewMask(secret).Error(p.PostBytes(t.Context(), []byte("{}"), nil)).Error(), "status 400: bad token *****"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzMask(f *testing.F) {
	f.Add("hunter2/+x", "a hunter2%2F%2bx b")
	f.Add("abc def", "abc+def abc%20def")
	f.Fuzz(func(t *testing.T, secret, text string) {
		if len(secret) < 3 || strings.Trim(secret, "*") == "" || strings.Contains(mark, secret) || strings.Contains(secret, "*") {
			return
		}
		if masked := NewMask(secret).Text(text + " " + secret + " " + url.QueryEscape(secret)); strings.Contains(masked, secret) {
			t.Errorf("%q in %q", secret, masked)
		}
	})
}

func TestTransportsBounded(t *testing.T) {
	pool := NewTransports()
	defer pool.Close()
	proxy := func(i int) *url.URL { return &url.URL{Scheme: "http", Host: "p" + strings.Repeat("x", i)} }
	first := pool.For(proxy(0), nil)
	for i := range maxTransports - 1 {
		pool.For(proxy(i+1), nil)
	}
	if pool.For(proxy(0), nil) != first {
		t.Error("what is in use stays")
	}
	pool.For(proxy(maxTransports), nil)
	if len(pool.all) != maxTransports || pool.For(proxy(0), nil) != first {
		t.Error("the one that was not used the longest goes first")
	}
}
