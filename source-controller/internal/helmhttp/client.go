// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package helmhttp reads Helm repositories over HTTP: the index, and archives of charts, which may be on other hosts. Credentials go to the
// host of the repository alone, unless the repository says otherwise, and no error repeats one.
package helmhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weir-gitops/weir/kit/auth"
)

const (
	// userAgent is what servers see. Flux: source-controller contract, "Registry requests".
	userAgent = "flux/v2"
	// maxRedirects is how often a server may send a request elsewhere; net/http has the same limit.
	maxRedirects = 10
	// connectTimeout and idleTimeout are those of net/http's own transport, answerTimeout bounds a server that accepts and says nothing.
	connectTimeout = 30 * time.Second
	idleTimeout    = 90 * time.Second
	answerTimeout  = time.Minute

	schemeHTTP, schemeHTTPS = "http", "https"
)

var (
	// ErrURL says that the address of a repository, or of a chart, cannot be used.
	ErrURL = errors.New("invalid URL")
	// ErrUnauthorized says that a server wants credentials, or other ones, or that one side does not trust the certificate of the other.
	ErrUnauthorized = errors.New("refused")
	// ErrTooLarge says that a server sends more than is allowed.
	ErrTooLarge = errors.New("too large")
)

// Client sends requests. It keeps connections that nobody's settings are bound to.
type Client struct {
	shared *http.Transport
}

// NewClient returns a client for all repositories of a process.
func NewClient() *Client { return &Client{shared: transport(nil)} }

func transport(settings *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: settings, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: connectTimeout, ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 2,
	}
}

// Repository is a Helm repository that can be read.
type Repository struct {
	base      *url.URL
	creds     auth.HTTP
	pass      bool
	client    *http.Client
	exclusive *http.Transport // nil if it is the shared one
}

// Access says how a repository is reached.
type Access struct {
	// Credentials are sent to the host of the repository.
	Credentials auth.HTTP
	// PassCredentials sends them to every host that charts are on.
	PassCredentials bool
}

// Open returns the repository at address, http or https. Nothing is sent yet. It has to be closed. The error is ErrURL.
func (c *Client) Open(address string, a Access) (*Repository, error) {
	base, err := Parse(address)
	if err != nil {
		return nil, err
	}
	r := &Repository{base: base, creds: a.Credentials, pass: a.PassCredentials}
	if password, ok := base.User.Password(); ok && r.creds.Username == "" {
		r.creds.Username, r.creds.Password = base.User.Username(), password
	}
	base.User = nil
	through := c.shared
	if a.Credentials.TLS != nil {
		r.exclusive = transport(a.Credentials.TLS)
		through = r.exclusive
	}
	r.client = &http.Client{Transport: through, CheckRedirect: r.redirect}
	return r, nil
}

// Parse reads the address of a repository. The error is ErrURL and does not repeat the address, which may hold a password.
func Parse(address string) (*url.URL, error) {
	base, err := url.Parse(address)
	switch {
	case err != nil:
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err
		}
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	case base.Scheme != schemeHTTP && base.Scheme != schemeHTTPS:
		return nil, fmt.Errorf("%w: scheme '%s' is not that of a Helm repository with an index", ErrURL, base.Scheme)
	case base.Host == "":
		return nil, fmt.Errorf("%w: no host", ErrURL)
	}
	return base, nil
}

// Close ends connections that only this repository could use.
func (r *Repository) Close() {
	if r.exclusive != nil {
		r.exclusive.CloseIdleConnections()
	}
}

// redirect decides about the next request of a chain.
func (r *Repository) redirect(next *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case next.URL.Scheme != schemeHTTP && next.URL.Scheme != schemeHTTPS:
		return fmt.Errorf("redirect to the scheme '%s'", next.URL.Scheme)
	}
	// The library would send them on to hosts below the first, and from https to http.
	next.Header.Del("Authorization")
	next.Header.Del("Referer")
	next.URL.User = nil
	r.authorize(next)
	return nil
}

// authorize adds the credentials if the request goes where they may go.
func (r *Repository) authorize(req *http.Request) {
	if r.creds.Username != "" && (r.isOwn(req.URL) || r.pass) {
		req.SetBasicAuth(r.creds.Username, r.creds.Password)
	}
}

// isOwn reports whether an address is on the host of the repository.
func (r *Repository) isOwn(u *url.URL) bool {
	return u.Scheme == r.base.Scheme && strings.EqualFold(u.Host, r.base.Host)
}

// Validators are what a server said about an answer, for asking later whether there is another one.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// Index writes the index to w unless it is the one that the validators are of, and returns its validators. unchanged says that nothing was
// written. More than limit bytes are ErrTooLarge.
func (r *Repository) Index(ctx context.Context, w io.Writer, known Validators, limit int64) (_ Validators, unchanged bool, err error) {
	req, err := r.request(ctx, r.indexURL())
	if err != nil {
		return Validators{}, false, err
	}
	for header, value := range map[string]string{"If-None-Match": known.ETag, "If-Modified-Since": known.LastModified} {
		if value != "" {
			req.Header.Set(header, value)
		}
	}
	res, err := r.send(req)
	if err != nil {
		return Validators{}, false, err
	}
	defer func() { _ = res.Body.Close() }() // all that counts was read
	if res.StatusCode == http.StatusNotModified && known != (Validators{}) {
		return known, true, nil
	}
	if err := save(ctx, w, res, limit); err != nil {
		return Validators{}, false, err
	}
	return validators(res.Header), false, nil
}

// settled is how long a file must not have been written for its time to tell it from a later one: times of HTTP have whole seconds, so that a
// file written twice in one has the same. RFC 9110, section 8.8.2.2.
const settled = 2 * time.Second

// validators reads what can be asked with later. Without an ETag, a file that was written just before the answer is asked for in full once more.
func validators(header http.Header) Validators {
	v := Validators{ETag: header.Get("ETag"), LastModified: header.Get("Last-Modified")}
	if v.ETag != "" || v.LastModified == "" {
		return v
	}
	written, errWritten := http.ParseTime(v.LastModified)
	answered, errAnswered := http.ParseTime(header.Get("Date"))
	if errWritten != nil || errAnswered != nil || answered.Sub(written) < settled {
		v.LastModified = ""
	}
	return v
}

// Chart writes the archive at ref, absolute or relative to the repository, to w. More than limit bytes are ErrTooLarge.
func (r *Repository) Chart(ctx context.Context, w io.Writer, ref string, limit int64) error {
	address, err := r.resolve(ref)
	if err != nil {
		return err
	}
	req, err := r.request(ctx, address)
	if err != nil {
		return err
	}
	// Some servers call the compression of the archive one of the transport, which must not be undone.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := r.send(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // all that counts was read
	return save(ctx, w, res, limit)
}

func (r *Repository) request(ctx context.Context, address *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return nil, ErrURL
	}
	req.Header.Set("User-Agent", userAgent)
	r.authorize(req)
	return req, nil
}

// indexURL is where the index is.
func (r *Repository) indexURL() *url.URL {
	return r.base.JoinPath("index.yaml")
}

// resolve returns the address of a chart. A relative one keeps the query of the repository, which may be what gives access; one that starts with
// the name of another host does not.
func (r *Repository) resolve(ref string) (*url.URL, error) {
	target, err := url.Parse(ref)
	if err != nil {
		return nil, fmt.Errorf("%w of the chart in the index", ErrURL)
	}
	if !target.IsAbs() {
		target = r.base.JoinPath("/").ResolveReference(target)
		if r.isOwn(target) {
			target.RawQuery = r.base.RawQuery
		}
	}
	target.User = nil
	if target.Scheme != schemeHTTP && target.Scheme != schemeHTTPS || target.Host == "" {
		return nil, fmt.Errorf("%w of the chart in the index: '%s'", ErrURL, redacted(target))
	}
	return target, nil
}
