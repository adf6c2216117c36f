// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// maxRedirects is that of net/http.
const maxRedirects = 10

var errRedirect = errors.New("redirect refused")

// stay refuses redirects that would take credentials to another host, or lose what is written: no API answers a message with the address of
// another page.
func stay(r *http.Request, via []*http.Request) error {
	if err := bounded(r, via); err != nil {
		return err
	}
	last := via[len(via)-1]
	if r.URL.Host != via[0].URL.Host {
		return fmt.Errorf("to another host: %w", errRedirect)
	}
	if err := resend(r, via); err != nil {
		return err
	}
	if r.Method != last.Method {
		return fmt.Errorf("status %d would lose the message: %w", statusOf(r), errRedirect)
	}
	return nil
}

// strip follows a redirect, to another host without the headers that may hold credentials.
func strip(r *http.Request, via []*http.Request) error {
	if err := bounded(r, via); err != nil {
		return err
	}
	if err := resend(r, via); err != nil {
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

// resend makes the request the message again where the service says that it is to be sent elsewhere. net/http does so for 307 and 308 alone, and
// turns every other redirect into a GET, whose success says nothing about the message.
func resend(r *http.Request, via []*http.Request) error {
	first, last := via[0], via[len(via)-1]
	if r.Method != last.Method && !moved(r, last) {
		return nil
	}
	r.Method = last.Method
	if r.Body != nil || first.Body == nil || first.Body == http.NoBody || r.Method == http.MethodGet {
		return nil
	}
	if first.GetBody == nil {
		return fmt.Errorf("the message cannot be sent twice: %w", errRedirect)
	}
	body, err := first.GetBody()
	if err != nil {
		return fmt.Errorf("read message again: %w", err)
	}
	r.Body, r.GetBody, r.ContentLength = body, first.GetBody, first.ContentLength
	r.Header.Set("Content-Type", first.Header.Get("Content-Type"))
	return nil
}

// moved tells whether a redirect that net/http follows with a GET means the address, not the answer, of the message. 301 says so, unless it leads
// back. 303 says that the message was taken, and that its answer is elsewhere; so does 302 in the hands of Google Apps Script and others, but not
// where it leads to the same place with HTTPS in place of HTTP, or with a slash at the end.
func moved(r, last *http.Request) bool {
	switch statusOf(r) {
	case http.StatusMovedPermanently:
		return r.URL.String() != last.URL.String()
	case http.StatusFound:
		upgraded, slashed := r.URL.Scheme != last.URL.Scheme, r.URL.Path != last.URL.Path
		return r.URL.Hostname() == last.URL.Hostname() && strings.TrimSuffix(r.URL.Path, "/") == strings.TrimSuffix(last.URL.Path, "/") &&
			(upgraded || slashed)
	}
	return false
}

// statusOf returns the status that led to a request.
func statusOf(r *http.Request) int {
	if r.Response == nil {
		return 0
	}
	return r.Response.StatusCode
}
