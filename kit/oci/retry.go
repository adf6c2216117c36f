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

// retrying sends requests that only read again when the failure may pass. It waits no longer than the request may take.
type retrying struct {
	inner http.RoundTripper
	wait  time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t *retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return t.inner.RoundTrip(req)
	}
	wait := t.wait
	for attempt := 1; ; attempt++ {
		res, err := t.inner.RoundTrip(req)
		if attempt == attempts || !mayPass(req.Context(), res, err) || !pause(req.Context(), wait) {
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
