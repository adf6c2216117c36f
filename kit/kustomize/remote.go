// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// remoteTimeout bounds the load of one file over HTTP, to its last byte. The engine gives a clone 27 s by default.
	remoteTimeout = time.Minute
	// maxRemoteBytes bounds its size: several times the largest bundles of definitions that projects publish.
	maxRemoteBytes = 32 << 20
)

// errTooLarge says that a server sent more than anybody needs.
var errTooLarge = fmt.Errorf("the file is larger than %d MiB", maxRemoteBytes>>20)

// web is a package variable because what it guards is one of another package.
var web = &guard{timeout: remoteTimeout, maxBytes: maxRemoteBytes} //nolint:gochecknoglobals // see above

// BoundRemotes gives what builds load over HTTP limits of size and time. The engine asks for it through http.DefaultTransport, without a
// context, and cannot be told otherwise; so that transport is replaced by one which limits the requests that have no end of their own and
// passes all others on. A program that builds what it does not trust calls this before it starts. Further calls do nothing.
func BoundRemotes() { web.install() }

// guard limits requests that nobody else does.
type guard struct {
	timeout  time.Duration
	maxBytes int64

	once sync.Once
	next http.RoundTripper
	// apart is what the build that runs alone loads over HTTP; nil while none does.
	apart atomic.Pointer[prefetched]
}

// install puts the guard in front of the standard transport, in the shape in which others expect to find that: some clone it.
func (g *guard) install() {
	g.once.Do(func() {
		g.next = http.DefaultTransport
		front := &http.Transport{}
		if standard, ok := g.next.(*http.Transport); ok {
			front = standard.Clone()
		}
		front.RegisterProtocol("http", g)
		front.RegisterProtocol("https", h2{Guard: g})
		http.DefaultTransport = front
	})
}

// h2 is a guard in the shape in which net/http takes it for the HTTP/2 of a transport, and sets up none of its own: the one behind the guard has.
type h2 struct{ Guard *guard }

// RoundTrip implements http.RoundTripper.
func (h h2) RoundTrip(r *http.Request) (*http.Response, error) { return h.Guard.RoundTrip(r) }

// CloseIdleConnections closes those of the transport behind.
func (g *guard) CloseIdleConnections() {
	if closer, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Done() != nil {
		return g.next.RoundTrip(r) // it ends by itself
	}
	if apart := g.apart.Load(); apart != nil {
		if response, known, err := apart.answer(r); known {
			return response, err
		}
	}
	return g.bounded(r)
}

// bounded sends a request that is over when the timeout has passed or the answer is too large. What comes is checked as files of the artifact
// are: the engine reads it past the view.
func (g *guard) bounded(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), g.timeout)
	defer cancel()
	response, err := g.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, g.inTime(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, g.maxBytes+1)) // one more tells that there is more
	switch {
	case err != nil:
		return nil, g.inTime(err)
	case int64(len(content)) > g.maxBytes:
		return nil, errTooLarge
	case response.StatusCode/100 == 2: // all that the engine takes
		if _, err := checkYAML(content); err != nil {
			return nil, err
		}
		if err := checkRemoteTypes(content); err != nil {
			return nil, err
		}
	}
	response.Body = io.NopCloser(bytes.NewReader(content))
	return response, nil
}

// checkRemoteTypes looks at what may be a file that "crds" names: who asks is not known here. Nothing else looks like one.
func checkRemoteTypes(content []byte) error {
	if !bytes.Contains(content, []byte(referenceKey)) && !bytes.ContainsAny(content, "\\\x00") {
		return nil
	}
	return eachDocument(content, checkTypes)
}

// inTime says why a request ended that took too long.
func (g *guard) inTime(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the server took longer than %s", g.timeout)
	}
	return err
}
