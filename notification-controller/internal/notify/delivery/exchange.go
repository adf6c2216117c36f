// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// maxResponseBytes bounds an answer that a client library reads: a page of commit statuses has about 100 KB.
const maxResponseBytes = 2 << 20

var (
	errTooLarge  = fmt.Errorf("answer of more than %d bytes", maxResponseBytes)
	errNoRequest = errors.New("no request was made")
)

// Exchange is the conversation with a service through a client library: it limits what is read, keeps credentials with their host, and notes
// the last answer, so that the errors of all libraries are classified alike. It is made for one message.
type Exchange struct {
	next http.RoundTripper

	mu     sync.Mutex
	status int
	header http.Header
	err    error
}

// NewExchange returns an exchange over the transport of the service.
func NewExchange(o Options) *Exchange {
	return &Exchange{next: transport(o), err: errNoRequest}
}

// Client returns the HTTP client for the library.
func (e *Exchange) Client() *http.Client {
	return &http.Client{Transport: e, CheckRedirect: stay}
}

// RoundTrip implements http.RoundTripper.
func (e *Exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := e.next.RoundTrip(r)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err, e.status, e.header = err, 0, nil
	if err != nil {
		return nil, err
	}
	e.status, e.header = res.StatusCode, res.Header
	res.Body = &limited{body: res.Body, left: maxResponseBytes}
	return res, nil
}

// Error classifies what the library returned by what the service answered; nil stays nil. doing says what was tried.
func (e *Exchange) Error(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() == nil && e.status != 0 && !errors.Is(err, errRedirect) {
		return Answered(e.status, e.header, fmt.Sprintf("%s: status %d: %s", doing, e.status, err))
	}
	result := failed(ctx, err)
	result.text = doing + ": " + result.text
	if errors.Is(e.err, errNoRequest) && ctx.Err() == nil {
		// The library refused its input.
		result.Class = Permanent
	}
	return result
}

func transport(o Options) http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	return http.DefaultTransport
}

// limited is a body that ends with an error where it gets too long.
type limited struct {
	body io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLarge
	}
	n, err := l.body.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// Close implements io.Closer.
func (l *limited) Close() error { return l.body.Close() }
