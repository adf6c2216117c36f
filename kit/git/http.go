// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

const (
	infoRefs = "/info/refs"
	// maxRedirects is how many times the discovery may be sent elsewhere.
	maxRedirects = 10
	// idleTimeout ends connections nobody closed; a fetch follows its listing at once.
	idleTimeout = 15 * time.Second
	// responseHeaderTimeout is how long a server may think about a request. Preparing a large pack
	// takes a while before the first byte; the caller's own deadline is usually shorter.
	responseHeaderTimeout = 5 * time.Minute
)

// errTwoWays is about a URL with user information beside a token. Flux: image-automation-controller contract, "Git credentials".
var errTwoWays = errors.New("basic auth and bearer token cannot be set at the same time: the URL has user information")

// httpTransport talks the smart HTTP protocol.
type httpTransport struct {
	url    *url.URL
	client *http.Client
	// authorization is the value of that header, for the host of url only.
	authorization string
}

// newHTTPTransport returns a transport for the repository at u.
func newHTTPTransport(u *url.URL, creds Credentials) (*httpTransport, error) {
	tlsConfig, err := creds.tlsConfig()
	if err != nil {
		return nil, err
	}
	t := &httpTransport{url: u}
	if t.authorization, err = authorization(u, creds); err != nil {
		return nil, err
	}
	proxy := http.ProxyFromEnvironment
	if creds.Proxy != nil {
		proxy = http.ProxyURL(creds.Proxy)
	}
	t.client = &http.Client{
		CheckRedirect: t.checkRedirect,
		Transport: &http.Transport{
			Proxy:                 proxy,
			TLSClientConfig:       tlsConfig,
			ForceAttemptHTTP2:     true,
			IdleConnTimeout:       idleTimeout,
			ResponseHeaderTimeout: responseHeaderTimeout,
		},
	}
	return t, nil
}

// authorization returns the value of the header for u. Flux: source-controller contract, "Git Secret".
func authorization(u *url.URL, creds Credentials) (string, error) {
	if creds.BearerToken != "" {
		if u.User != nil {
			return "", errTwoWays
		}
		return "Bearer " + creds.BearerToken, nil
	}
	user, password := creds.Username, creds.Password
	if user == "" && password == "" && u.User != nil {
		user = u.User.Username()
		password, _ = u.User.Password()
	}
	if user == "" && password == "" {
		return "", nil
	}
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization"), nil
}

// close implements transport.
func (t *httpTransport) close() { t.client.CloseIdleConnections() }

// list implements transport.
func (t *httpTransport) list(ctx context.Context, service string) (*advertisement, error) {
	target := *t.url
	target.User = nil
	target.Path = strings.TrimSuffix(target.Path, "/") + infoRefs
	query := target.Query()
	query.Set("service", service)
	target.RawQuery = query.Encode()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := t.do(req, contentType(service, "advertisement"))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	base, err := repositoryOf(res.Request.URL)
	if err != nil {
		return nil, err
	}
	refs, err := decodeAdvertisement(res.Body)
	if err != nil {
		return nil, err
	}
	return &advertisement{AdvRefs: refs, base: base}, nil
}

// repositoryOf returns the address of the repository whose references were found at u.
func repositoryOf(u *url.URL) (*url.URL, error) {
	if !strings.HasSuffix(u.Path, infoRefs) {
		return nil, fmt.Errorf("redirected to %s, which is not a Git repository", Redact(u))
	}
	base := *u
	base.Path = strings.TrimSuffix(base.Path, infoRefs)
	base.RawPath = strings.TrimSuffix(base.RawPath, infoRefs)
	query := base.Query()
	query.Del("service")
	base.RawQuery = query.Encode()
	return &base, nil
}

// fetch implements transport.
func (t *httpTransport) fetch(ctx context.Context, adv *advertisement, req *packp.UploadPackRequest, receive func(*packp.UploadPackResponse) error) error {
	var body bytes.Buffer
	if err := encodeRequest(&body, req); err != nil {
		return err
	}
	res, err := t.post(ctx, adv, uploadPack, &body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return decodeResponse(res.Body, req, receive)
}

// push implements transport.
func (t *httpTransport) push(ctx context.Context, decide decideFunc, receive func(io.Reader) error) error {
	adv, err := t.list(ctx, receivePack)
	if err != nil {
		return err
	}
	req, err := decide(adv)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := req.Encode(&body); err != nil {
		return err
	}
	res, err := t.post(ctx, adv, receivePack, &body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return receive(res.Body)
}

// post sends a request to a service of the repository that was found.
func (t *httpTransport) post(ctx context.Context, adv *advertisement, service string, body *bytes.Buffer) (*http.Response, error) {
	target := *adv.base
	target.Path += "/" + service
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType(service, "request"))
	return t.do(req, contentType(service, "result"))
}

// contentType names a message of the smart protocol.
func contentType(service, message string) string {
	return "application/x-" + service + "-" + message
}

// do sends a request with credentials, if it goes where they belong, and checks the response.
func (t *httpTransport) do(req *http.Request, expected string) (*http.Response, error) {
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", expected)
	if t.authorization != "" && sameOrigin(t.url, req.URL) {
		req.Header.Set("Authorization", t.authorization)
	}
	res, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := checkResponse(res, expected); err != nil {
		return nil, errors.Join(err, res.Body.Close())
	}
	return res, nil
}

// checkResponse returns an error unless the response is of the smart protocol.
func checkResponse(res *http.Response, expected string) error {
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return errors.New("authentication required")
	case http.StatusForbidden:
		return errors.New("authorization failed")
	case http.StatusNotFound:
		return errors.New("repository not found")
	default:
		return fmt.Errorf("unexpected status %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	got, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || got != expected {
		return fmt.Errorf("not a smart HTTP Git server: content type is %q", serverText([]byte(res.Header.Get("Content-Type"))))
	}
	return nil
}

// checkRedirect follows redirects of the discovery only, to http and https only, never from https to
// http, and takes the credentials off as soon as the chain has left the origin they are for.
func (t *httpTransport) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return fmt.Errorf("redirected to %s after the list of references", Redact(req.URL))
	case len(via) > maxRedirects:
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("redirected to the scheme %q", req.URL.Scheme)
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme == "http":
		return fmt.Errorf("redirected from https to http: %s", Redact(req.URL))
	}
	req.URL.User = nil
	req.Header.Del("Authorization")
	if t.authorization == "" || !sameOrigin(t.url, req.URL) {
		return nil
	}
	for _, hop := range via {
		if !sameOrigin(t.url, hop.URL) {
			return nil
		}
	}
	req.Header.Set("Authorization", t.authorization) //nolint:gosec // the whole chain stayed at the origin they are for
	return nil
}

// sameOrigin reports whether credentials for one address may go to the other: the same host and port,
// with the same scheme or https in place of http.
func sameOrigin(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	upgrade := from.Scheme == "http" && to.Scheme == "https"
	if upgrade && from.Port() == "" && to.Port() == "" {
		return true
	}
	return (from.Scheme == to.Scheme || upgrade) && port(from) == port(to)
}

// port returns the port of u, also if it is the default one.
func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// decodeAdvertisement reads a list of references.
func decodeAdvertisement(r io.Reader) (*packp.AdvRefs, error) {
	refs := packp.NewAdvRefs()
	err := refs.Decode(io.LimitReader(r, maxAdvertisementBytes))
	if errors.Is(err, packp.ErrEmptyAdvRefs) || (err == nil && refs.IsEmpty()) {
		return nil, ErrEmpty
	}
	if line, ok := errors.AsType[*pktline.ErrorLine](err); ok {
		return nil, fmt.Errorf("remote: %s", serverText([]byte(line.Text)))
	}
	if err != nil {
		return nil, fmt.Errorf("malformed list of references: %w", err)
	}
	return refs, nil
}

// encodeRequest writes a complete request: what is wanted, what we have, and that this is all.
func encodeRequest(w io.Writer, req *packp.UploadPackRequest) error {
	if err := req.Validate(); err != nil {
		return err
	}
	if err := req.UploadRequest.Encode(w); err != nil {
		return err
	}
	if err := req.UploadHaves.Encode(w, false); err != nil {
		return err
	}
	return pktline.NewEncoder(w).EncodeString("done\n")
}

// decodeResponse reads a response up to the pack and gives it to receive.
func decodeResponse(r io.ReadCloser, req *packp.UploadPackRequest, receive func(*packp.UploadPackResponse) error) error {
	res := packp.NewUploadPackResponse(req)
	if err := res.Decode(r); err != nil {
		return fmt.Errorf("%w: %s", errProtocol, serverText([]byte(err.Error())))
	}
	return receive(res)
}
