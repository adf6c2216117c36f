// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
)

const (
	// maxErrorBytes is how much of what went wrong is told, an answer that is no success included.
	maxErrorBytes = 4 << 10
	// maxDrainBytes is how much of an answer is read so that its connection can be used again.
	maxDrainBytes = 64 << 10
)

// Poster posts JSON to one address.
type Poster struct {
	url  *url.URL
	http *http.Client
}

// NewPoster returns a poster for the address of the service. Flux: notification-controller contract, "Common HTTP sender".
func NewPoster(o Options) (*Poster, error) {
	u, err := ParseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	return To(u, o), nil
}

// To returns a poster for a URL with the transport of the service.
func To(u *url.URL, o Options) *Poster {
	return &Poster{url: u, http: &http.Client{Transport: transport(o), CheckRedirect: strip}}
}

// ParseAddress reads an absolute HTTP URL.
func ParseAddress(address string) (*url.URL, error) {
	if address == "" {
		return nil, Invalid("address is empty")
	}
	u, err := url.ParseRequestURI(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// The text of the error would repeat the address, which may be a credential.
		return nil, Invalid("address is no absolute HTTP URL")
	}
	return u, nil
}

// Post sends the document as JSON with the headers; any 2xx is success.
func (p *Poster) Post(ctx context.Context, document any, header http.Header) error {
	body, err := json.Marshal(document)
	if err != nil {
		return Invalid("encode message: %s", err)
	}
	return p.PostBytes(ctx, body, header)
}

// PostBytes is Post with a document that is encoded already.
func (p *Poster) PostBytes(ctx context.Context, body []byte, header http.Header) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(body))
	if err != nil {
		return failed(ctx, err)
	}
	r.Header.Set("Content-Type", "application/json")
	maps.Copy(r.Header, header)
	// net/http takes the host from nowhere else.
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	res, err := p.http.Do(r)
	if err != nil {
		return failed(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusOK && res.StatusCode < http.StatusMultipleChoices {
		// Whatever is wrong with the rest, the message has arrived.
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxDrainBytes))
		return nil
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes))
	refused := Answered(res.StatusCode, res.Header, fmt.Sprintf("status %d: %s", res.StatusCode, bytes.TrimSpace(answer)))
	refused.cut = err != nil || len(answer) == maxErrorBytes
	return refused
}

// Bearer returns the header of a token; none for an empty one.
func Bearer(token string) http.Header {
	if token == "" {
		return http.Header{}
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

// Basic returns the header of a user with a password.
func Basic(username, password string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))}}
}
