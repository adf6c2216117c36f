// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxRetries is how often a message is sent again. Flux: notification-controller contract, "Common HTTP sender".
	maxRetries = 4
	// firstWait is the time before the first of them; each later one doubles it up to maxWait.
	firstWait = 2 * time.Second
	maxWait   = 30 * time.Second
	// maxRetryAfter is the longest time a service may ask for.
	maxRetryAfter = 24 * time.Hour
)

// Class says whether another attempt may help.
type Class int

const (
	// Permanent errors come back until the Provider, its Secrets or the service change.
	Permanent Class = iota
	// Retryable errors may pass with time.
	Retryable
)

// Error is why a message could not be sent. Its text holds no secret once the error has left a notifier of package notify.
type Error struct {
	// Class says whether another attempt may help.
	Class Class
	// Status is the HTTP status that the service answered with, 0 without an answer.
	Status int
	// RetryAfter is the time that the service asked to wait, 0 if it did not.
	RetryAfter time.Duration

	text string
	// cut is set when text ends in the middle of an answer, because that is long or broke off.
	cut   bool
	cause error
}

// Error implements error.
func (e *Error) Error() string { return e.text }

// Unwrap returns a sentinel, never an error with a text of its own: that could hold what was masked.
func (e *Error) Unwrap() error { return e.cause }

// Invalid is the error of a service that is described wrongly.
func Invalid(format string, args ...any) *Error {
	return &Error{text: fmt.Sprintf(format, args...)}
}

// Unavailable is an error that may pass with time.
func Unavailable(format string, args ...any) *Error {
	return &Error{Class: Retryable, text: fmt.Sprintf(format, args...)}
}

// Unsupported is the error of a kind of service, or of a way to use it, that this version does not have.
func Unsupported(cause error, format string, args ...any) *Error {
	return &Error{text: fmt.Sprintf(format, args...), cause: cause}
}

// Answered is the error of an answer that is no success.
func Answered(status int, header http.Header, text string) *Error {
	e := &Error{Status: status, text: text}
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError && status != http.StatusNotImplemented {
		e.Class = Retryable
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		e.RetryAfter = retryAfter(header.Get("Retry-After"), time.Now())
	}
	return e
}

// Classify reports whether another attempt may help after err, and the time that the service asked to wait first, 0 if it did not.
func Classify(err error) (Class, time.Duration) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class, e.RetryAfter
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Retryable, 0
	}
	return Permanent, 0
}

// Backoff is the common policy: how long to wait after that attempt, the first being 1, failed with err. ok is false when it is time to give
// up. Flux: notification-controller contract, "Common HTTP sender".
func Backoff(attempt int, err error) (wait time.Duration, ok bool) {
	class, asked := Classify(err)
	if class != Retryable || attempt > maxRetries {
		return 0, false
	}
	if asked > 0 {
		return asked, true
	}
	return min(firstWait<<max(0, attempt-1), maxWait), true
}

// failed is the error of a request without an answer.
func failed(ctx context.Context, err error) *Error {
	// The error of net/http repeats the URL, which often is a credential.
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if cause := ctx.Err(); cause != nil {
		return &Error{Class: Retryable, text: "no answer in time: " + cause.Error(), cause: cause}
	}
	e := &Error{Class: Retryable, text: "request failed: " + err.Error()}
	if hopeless(err) {
		e.Class = Permanent
	}
	return e
}

// hopeless tells errors of the transport that another attempt would meet again.
func hopeless(err error) bool {
	if errors.Is(err, errRedirect) {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	// net/http has no types for these.
	text := err.Error()
	return strings.Contains(text, "unsupported protocol scheme") || strings.Contains(text, "invalid header") ||
		strings.Contains(text, "no Host in request URL")
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}
