// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/weir-gitops/weir/kit/oci/keychain"
)

// maxRedirects is how many times a request may be sent elsewhere.
const maxRedirects = 10

// Repository is one repository of a registry, as one user sees it. It serves one caller at a time.
type Repository struct {
	client     *Client
	key        loginKey
	credential keychain.Credential
	login      *login
}

// login is a registry that said how to talk to it, and the token it gave.
type login struct {
	registry name.Registry
	http     *http.Client
	retries  *retrying
}

// Name returns which repository this is.
func (r *Repository) Name() Name { return r.key.name }

// Close gives the login back for the next use.
func (r *Repository) Close() {
	if r.login != nil {
		r.client.logins.Add(r.key, r.login)
		r.login = nil
	}
}

// Login makes sure that the registry answers and takes the credentials. It sends nothing if it has done so before.
func (r *Repository) Login(ctx context.Context) error {
	if r.login != nil {
		return nil
	}
	// A login has one user at a time: whoever removes it has it.
	if kept, ok := r.client.logins.Get(r.key); ok && r.client.logins.Remove(r.key) {
		r.login = kept
		return nil
	}
	login, err := r.handshake(ctx)
	if err != nil {
		return fmt.Errorf("log in to %s: %w", r.key.name.Host(), r.redact(ctx, err))
	}
	r.login = login
	return nil
}

// handshake asks the registry for its scheme and way to authenticate, and for a token if it gives tokens.
func (r *Repository) handshake(ctx context.Context) (*login, error) {
	var options []name.Option
	if r.key.plainHTTP {
		options = append(options, name.Insecure)
	}
	registry, err := name.NewRegistry(r.key.name.Host(), options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	auth := authn.Anonymous
	if !r.credential.IsZero() {
		auth = authn.FromConfig(authn.AuthConfig{
			Username: r.credential.Username, Password: r.credential.Password,
			IdentityToken: r.credential.IdentityToken, RegistryToken: r.credential.RegistryToken,
		})
	}
	patient := &retrying{inner: r.key.transport.transport, wait: r.client.options.RetryWait}
	agent := transport.NewUserAgent(patient, r.client.options.UserAgent)
	scope := r.key.name.repository.Scope(transport.PullScope)
	authenticated, err := transport.NewWithContext(ctx, registry, auth, agent, []string{scope})
	if err != nil {
		return nil, patient.limited(err)
	}
	return &login{registry: registry, http: &http.Client{Transport: authenticated, CheckRedirect: checkRedirect}, retries: patient}, nil
}

// address returns the URL of something below the repository.
func (r *Repository) address(resource, identifier string) *url.URL {
	return &url.URL{
		Scheme: r.login.registry.Scheme(), // the transport puts in the one that answered
		Host:   r.login.registry.RegistryStr(),
		Path:   "/v2/" + r.key.name.Path() + "/" + resource + "/" + identifier,
	}
}

// send sends a request and returns an answer that says OK. A login that does not hold is forgotten.
func (r *Repository) send(ctx context.Context, method string, address *url.URL, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address.String(), http.NoBody)
	if err != nil {
		return nil, r.redact(ctx, err)
	}
	if header != nil {
		req.Header = header
	}
	res, err := r.login.http.Do(req)
	if err == nil {
		if err = transport.CheckError(res, http.StatusOK); err == nil {
			return res, nil
		}
		err = errors.Join(err, res.Body.Close())
	}
	err = r.redact(ctx, r.login.retries.limited(err))
	if !errors.Is(err, ErrNotFound) {
		r.login = nil
	}
	return nil, err
}

// redact makes an error fit for people. Where the deadline ended an exchange, its cause says more than the network does.
func (r *Repository) redact(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), ctx.Err()) {
		return context.Cause(ctx)
	}
	return redacted(err, r.credential)
}

// read returns a whole body of at most limit bytes and closes it.
func (r *Repository) read(ctx context.Context, res *http.Response, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	err = errors.Join(err, res.Body.Close())
	switch {
	case err != nil:
		return nil, r.redact(ctx, err)
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%w: answer of more than %d bytes", ErrTooLarge, limit)
	}
	return b, nil
}

// checkRedirect follows redirects, as registries send to the storage of blobs, but not from https to http, not to another protocol, and not from
// a public host to a private address, where only we could go.
func checkRedirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("redirected to the scheme %q", req.URL.Scheme)
	case last.Scheme == "https" && req.URL.Scheme == "http":
		return fmt.Errorf("redirected from https to http: %s", req.URL.Host)
	case req.URL.Hostname() != via[0].URL.Hostname() && isPrivate(req.URL.Hostname()) && !isPrivate(via[0].URL.Hostname()):
		return fmt.Errorf("redirected to the private address %s", req.URL.Hostname())
	}
	return nil
}

func isPrivate(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}
