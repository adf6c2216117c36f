// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// downloadLimit bounds one download. Helm: pkg/chartutil, newHTTPURLLoader.
	downloadLimit = 15 * time.Second
	// downloadsLimit bounds all downloads of one check.
	downloadsLimit = time.Minute
	// maxDocumentBytes bounds one document; the schema of all of Kubernetes has some 2 MB.
	maxDocumentBytes = 5 << 20
	// maxDocuments and maxBytes bound the documents of one check.
	maxDocuments, maxBytes = 50, 16 << 20
	// maxRedirects bounds the redirects of one download.
	maxRedirects = 5
)

var (
	errFile   = errors.New("files are not read")
	errScheme = errors.New("only http and https URLs are read")
	errBytes  = fmt.Errorf("documents of more than %d bytes", maxBytes)
)

// loader is a jsonschema.URLLoader.
type loader func(url string) (any, error)

// Load implements jsonschema.URLLoader.
func (l loader) Load(url string) (any, error) { return l(url) }

// document is what a URL led to.
type document struct {
	content any
	err     error
}

// remote reads what schemas refer to. Nothing is asked for twice, also not what could not be read.
type remote struct {
	idle      func(func())
	transport *http.Transport
	client    *http.Client
	documents map[string]document
	spent     time.Duration
	bytes     int
}

func newRemote(idle func(func())) *remote {
	if idle == nil {
		idle = func(work func()) { work() }
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	return &remote{
		idle: idle, transport: transport, documents: map[string]document{},
		client: &http.Client{Transport: transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		}},
	}
}

func (r *remote) close() { r.transport.CloseIdleConnections() }

// load returns the document that a URL without fragment leads to.
func (r *remote) load(ctx context.Context, address string) (any, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("malformed URL")
	}
	switch u.Scheme {
	case "http", "https":
	case "urn": // which Helm takes for a schema that is met by everything
		return true, nil
	case "file":
		return nil, errFile
	default:
		return nil, errScheme
	}
	known, ok := r.documents[address]
	if !ok {
		if err := r.check(); err != nil {
			return nil, err
		}
		known.content, known.err = r.read(ctx, address)
		r.documents[address] = known
	}
	return known.content, known.err
}

// check tells whether another document may be asked for.
func (r *remote) check() error {
	switch {
	case len(r.documents) >= maxDocuments:
		return fmt.Errorf("more than %d documents", maxDocuments)
	case r.spent >= downloadsLimit:
		return fmt.Errorf("the documents before it took longer than %s", downloadsLimit)
	case r.bytes > maxBytes:
		return errBytes
	}
	return nil
}

// read returns what a URL leads to.
func (r *remote) read(ctx context.Context, address string) (any, error) {
	var (
		content []byte
		err     error
	)
	r.idle(func() {
		began := time.Now()
		content, err = r.download(ctx, address, min(downloadLimit, downloadsLimit-r.spent))
		r.spent += time.Since(began)
	})
	if err != nil {
		return nil, err
	}
	if r.bytes += len(content); r.bytes > maxBytes {
		return nil, errBytes
	}
	document, err := parse(content)
	if err != nil {
		return nil, errors.New("no schema of a size that is read") // and nothing of what it is instead
	}
	return document, nil
}

// download returns what a URL leads to. Its errors tell nothing of the URL nor of the content.
func (r *remote) download(ctx context.Context, address string, limit time.Duration) (_ []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("malformed URL")
	}
	request.Header.Set("Accept", "application/schema+json, application/json, */*;q=0.1")
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, plain(ctx, limit, err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer has status %d", answer.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxDocumentBytes+1))
	if err != nil {
		return nil, plain(ctx, limit, err)
	}
	if len(content) > maxDocumentBytes {
		return nil, fmt.Errorf("larger than %d bytes", maxDocumentBytes)
	}
	return content, nil
}

// plain returns an error of the client without the URL that it names, which may be that of a redirect.
func plain(ctx context.Context, limit time.Duration, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no whole answer within %s", limit)
	}
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// redact returns a URL without user, password, query and fragment.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "malformed URL"
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	return u.String()
}
