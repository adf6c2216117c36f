// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// maxApart bounds the rounds in which a build that runs alone finds what it loads: what one round loaded may refer to more.
const maxApart = 10

// errApart says that a build did not come to an end of what it loads.
var errApart = fmt.Errorf("kustomize build failed: remote files refer to more of them %d times over", maxApart)

// prefetched is what a build that runs alone loads over HTTP. Others wait for it, so that it may not wait for servers: what it asks for is
// answered with nothing and noted, loaded while it does not run, and there the next time.
type prefetched struct {
	mu      sync.Mutex
	answers map[string]*answer // by URL; without a status while it is not loaded
	missing []string           // what was asked for, in order
}

// answer is what a server said.
type answer struct {
	status  int
	content []byte
	err     error
	schema  bool // "openapi" names it
	checked bool // as a schema
}

// expect announces that the build refers to a file.
func (p *prefetched) expect(name string) { p.announce(name, false) }

// schema announces that the build takes a file for its schema.
func (p *prefetched) schema(name string) { p.announce(name, true) }

func (p *prefetched) announce(name string, schema bool) {
	location, err := url.ParseRequestURI(name)
	if err != nil || location.Scheme != "http" && location.Scheme != "https" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answers == nil {
		p.answers = make(map[string]*answer)
	}
	a := p.answers[location.String()]
	if a == nil {
		a = &answer{}
		p.answers[location.String()] = a
	}
	a.schema = a.schema || schema
}

// answer answers for the server of a file that the build refers to; other requests are not its own.
func (p *prefetched) answer(r *http.Request) (response *http.Response, known bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := r.URL.String()
	a := p.answers[name]
	switch {
	case a == nil:
		return nil, false, nil
	case a.err != nil:
		return nil, true, a.err
	case a.status == 0:
		if !slices.Contains(p.missing, name) {
			p.missing = append(p.missing, name)
		}
		return respond(r, http.StatusOK, nil), true, nil
	case a.schema && !a.checked:
		a.checked = true
		if a.err = eachDocument(a.content, checkDefinitions); a.err != nil {
			return nil, true, a.err
		}
	}
	return respond(r, a.status, a.content), true, nil
}

func respond(r *http.Request, status int, content []byte) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(content)), ContentLength: int64(len(content)), Request: r,
	}
}

// load asks the servers for what is missing, and tells whether that was anything. Then it asks for all that the build refers to, as the engine
// may stop at the first answer that holds nothing. What a server says, and that it says nothing, is the engine's to judge.
func (p *prefetched) load(ctx context.Context, by http.RoundTripper) bool {
	p.mu.Lock()
	missing := p.missing
	p.missing = nil
	for _, name := range slices.Sorted(maps.Keys(p.answers)) {
		if a := p.answers[name]; len(missing) > 0 && a.status == 0 && a.err == nil && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	p.mu.Unlock()
	for _, name := range missing {
		a := ask(ctx, by, name)
		p.mu.Lock()
		a.schema = p.answers[name].schema
		p.answers[name] = a
		p.mu.Unlock()
	}
	return len(missing) > 0
}

func ask(ctx context.Context, by http.RoundTripper, name string) *answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, name, nil)
	if err != nil {
		return &answer{err: err}
	}
	response, err := (&http.Client{Transport: by}).Do(request)
	if err != nil {
		// The client of the engine wraps it again.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return &answer{err: err}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return &answer{status: response.StatusCode, content: content, err: err}
}

// alone runs a build that changes the schema with nobody beside it, as often as it takes to know what it loads over HTTP.
func (b *Builder) alone(ctx context.Context, work *build) error {
	work.ownSchema, work.apart = true, &prefetched{}
	for range maxApart {
		err := b.attempt(ctx, work, func(ctx context.Context, do func()) error {
			return gate.alone(ctx, func() {
				web.apart.Store(work.apart)
				defer web.apart.Store(nil)
				do()
			})
		})
		if ctx.Err() != nil || !work.apart.load(ctx, limited{web}) {
			return err
		}
	}
	return errApart
}

// limited sends requests with the limits of a guard.
type limited struct{ *guard }

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) { return l.bounded(r) }
