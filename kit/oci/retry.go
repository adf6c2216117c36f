// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// attempts is how often a request is sent. Flux: image-automation-controller contract, "Scan and tag store", row "low-level retries".
	attempts = 3
	// waitFactor makes the wait longer from one attempt to the next.
	waitFactor = 3
	// waitJitter is the part of a wait that is left to chance, so that objects do not come back all at once.
	waitJitter = 0.1
	// maxDrained is what is read of a discarded answer so that its connection can be used again.
	maxDrained = 16 << 10
)

const (
	// maxInline is the longest wait that is spent on the spot when a registry asks to be left alone; who has more time comes back later.
	maxInline = 5 * time.Second
	// maxRetryAfter bounds how long a registry can put somebody off.
	maxRetryAfter = time.Hour
)

// RetryAfter returns how long the registry asked to be left alone, and whether err came of an answer that did so.
func RetryAfter(err error) (time.Duration, bool) {
	limited, ok := errors.AsType[*limitedError](err)
	if !ok {
		return 0, false
	}
	return limited.after, true
}

// limitedError is a failure of which the registry said when to come back.
type limitedError struct {
	error
	after time.Duration
}

// Unwrap returns the failure.
func (e *limitedError) Unwrap() error { return e.error }

// askedWait reads the header Retry-After of an answer, seconds or a date; 0 if it has none. RFC 9110, section 10.2.3.
func askedWait(res *http.Response) time.Duration {
	if res == nil || res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}

// retrying sends requests that only read again when the failure may pass. It waits no longer than the request may take.
type retrying struct {
	inner http.RoundTripper
	wait  time.Duration
	// asked is the wait that the last answer asked for, nanoseconds; 0 if it did not.
	asked atomic.Int64
}

// limited adds to a failure when to come back, if the last answer said so.
func (t *retrying) limited(err error) error {
	if after := time.Duration(t.asked.Swap(0)); after > 0 && err != nil {
		return &limitedError{error: err, after: after}
	}
	return err
}

// RoundTrip implements http.RoundTripper.
func (t *retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return t.inner.RoundTrip(req)
	}
	wait := t.wait
	for attempt := 1; ; attempt++ {
		res, err := t.inner.RoundTrip(req)
		asked := askedWait(res)
		t.asked.Store(int64(asked))
		if attempt == attempts || asked > maxInline || !mayPass(req.Context(), res, err) || !pause(req.Context(), max(wait, asked)) {
			return res, err
		}
		if res != nil {
			_, _ = io.CopyN(io.Discard, res.Body, maxDrained)
			_ = res.Body.Close() // what it says does not matter
		}
		wait *= waitFactor
	}
}

// mayPass reports whether another attempt may end better.
func mayPass(ctx context.Context, res *http.Response, err error) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	}
	return slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusTooManyRequests, 499, // nginx: client closed request
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 522, // Cloudflare: timeout
	}, res.StatusCode)
}

// pause waits and reports whether ctx allows another attempt: there is none if it ends during the wait or right after it.
func pause(ctx context.Context, wait time.Duration) bool {
	wait += time.Duration(rand.Float64() * waitJitter * float64(wait)) //nolint:gosec // spreads load
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
