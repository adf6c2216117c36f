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

const (
	// maxResponseBytes bounds an answer that a client library reads: a page of commit statuses has about 100 KB.
	maxResponseBytes = 2 << 20
	// maxRedirects is that of net/http.
	maxRedirects = 10
)

var (
	errRedirect  = errors.New("redirect refused")
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

// stay refuses redirects that would take credentials to another host.
func stay(r *http.Request, via []*http.Request) error {
	if err := bounded(r, via); err != nil {
		return err
	}
	if r.URL.Host != via[0].URL.Host {
		return fmt.Errorf("to another host: %w", errRedirect)
	}
	return nil
}

// strip follows a redirect to another host without the headers that may hold credentials.
func strip(r *http.Request, via []*http.Request) error {
	if err := bounded(r, via); err != nil {
		return err
	}
	if r.URL.Host == via[0].URL.Host {
		return nil
	}
	for name := range r.Header {
		switch name {
		case "Accept", "Content-Type", "User-Agent", "Gotk-Component":
		default:
			r.Header.Del(name)
		}
	}
	return nil
}

func bounded(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("after %d of them: %w", maxRedirects, errRedirect)
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("to a connection that is not encrypted: %w", errRedirect)
	}
	return nil
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
