// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmhttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// send sends a request; an answer without content is an error.
func (r *Repository) send(req *http.Request) (*http.Response, error) {
	res, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", redacted(req.URL), causeOf(req.Context(), err))
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusNotModified:
		return res, nil
	}
	_ = res.Body.Close() // nobody reads it
	err = fmt.Errorf("get %s: the server answered %d %s", redacted(req.URL), res.StatusCode, http.StatusText(res.StatusCode))
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		err = fmt.Errorf("%w: %w", err, ErrUnauthorized)
	}
	return nil, err
}

// causeOf is why there was no answer, without the URL, which may hold a token, and without numbers that change from one attempt to the next.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		// Its text has the address that the name led to this time, and our port.
		err = broken.Err
	}
	if IsTrust(err) {
		return fmt.Errorf("%w: %w", err, ErrUnauthorized)
	}
	return err
}

// IsTrust reports whether a connection failed because one side did not accept the certificate of the other.
func IsTrust(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return verification || alert || unknown
}

// save writes the content of an answer to w.
func save(ctx context.Context, w io.Writer, res *http.Response, limit int64) error {
	tooLarge := fmt.Errorf("get %s: more than %d bytes: %w", redacted(res.Request.URL), limit, ErrTooLarge)
	if res.ContentLength > limit {
		return tooLarge
	}
	n, err := io.Copy(w, io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", redacted(res.Request.URL), causeOf(ctx, err))
	case n > limit:
		return tooLarge
	}
	return nil
}

// redacted is a URL that can be told: without user information and query.
func redacted(u *url.URL) string {
	public := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return public.String()
}
