// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/weir-gitops/weir/kit/excerpt"
	"github.com/weir-gitops/weir/kit/oci/keychain"
)

var (
	// ErrName says that a text is not the address of a repository.
	ErrName = errors.New("invalid repository name")
	// ErrReference says that a tag, digest, version constraint or filter is malformed.
	ErrReference = errors.New("invalid reference")
	// ErrNotFound says that the registry does not have what was asked for.
	ErrNotFound = errors.New("not found in the registry")
	// ErrUnauthorized says that the registry wants credentials, or other ones.
	ErrUnauthorized = errors.New("refused by the registry")
	// ErrNoMatch says that no tag satisfies a constraint.
	ErrNoMatch = errors.New("no tag matches")
	// ErrLayer says that a manifest has no layer of the wanted kind.
	ErrLayer = errors.New("no such layer")
	// ErrContent says that content is not what it was said to be.
	ErrContent = errors.New("invalid content")
	// ErrTooLarge says that something is larger than its limit.
	ErrTooLarge = errors.New("too large")
	// ErrSlow says that an answer takes longer than the caller waits for one.
	ErrSlow = errors.New("no answer in time")
)

// maxTextBytes is how much of what a server said about a failure is told.
const maxTextBytes = 400

// textError is an error with a text of its own, which is the same in every run and holds no secret.
type textError struct {
	text  string
	kinds []error
}

// Error implements error.
func (e *textError) Error() string { return e.text }

// Unwrap returns the sentinels and causes.
func (e *textError) Unwrap() []error { return e.kinds }

// redacted makes an error of the network fit for people. Nothing of the credential is left in its text.
func redacted(err error, c keychain.Credential) error {
	if err == nil {
		return nil
	}
	answer, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return &textError{text: scrub(err.Error(), c), kinds: []error{err}}
	}
	kinds := []error{err}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		kinds = append(kinds, ErrUnauthorized)
	case http.StatusNotFound:
		kinds = append(kinds, ErrNotFound)
	}
	// Where both HTTPS and HTTP were tried the answer is one of two failures.
	text := strings.ReplaceAll(err.Error(), answer.Error(), answerText(answer))
	return &textError{text: scrub(text, c), kinds: kinds}
}

// answerText describes a failing answer by its status and the codes that registries give, without the free text some servers send instead.
func answerText(e *transport.Error) string {
	var b strings.Builder
	if e.Request != nil {
		fmt.Fprintf(&b, "%s %s: ", e.Request.Method, e.Request.URL)
	}
	fmt.Fprintf(&b, "%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	for _, d := range e.Errors {
		fmt.Fprintf(&b, ": %s: %s", d.Code, d.Message)
	}
	return b.String()
}

// scrub takes out of a text what is secret, what differs between runs, and what is too much.
func scrub(text string, c keychain.Credential) string {
	for _, secret := range secretsOf(c) {
		text = strings.ReplaceAll(text, secret, "****")
	}
	text = addresses().ReplaceAllStringFunc(text, func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			return "(malformed address)"
		}
		return u.Scheme + "://" + u.Host + u.EscapedPath()
	})
	return clean(localPort().ReplaceAllString(text, ""))
}

// secretsOf are the forms in which a credential may appear. What is very short would blot out words and protects nothing.
func secretsOf(c keychain.Credential) []string {
	var all []string
	for _, s := range []string{c.Password, c.IdentityToken, c.RegistryToken} {
		if len(s) > 3 {
			all = append(all, s, url.QueryEscape(s), url.PathEscape(s))
		}
	}
	if len(c.Password) > 0 {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password)))
	}
	return all
}

// clean makes one short printable line of a text.
func clean(text string) string {
	return excerpt.Of(controlCharacters().ReplaceAllString(text, " "), maxTextBytes)
}

func controlCharacters() *regexp.Regexp { return regexp.MustCompile(`[\x00-\x1f\x7f]+`) }

// addresses matches URLs, whose query and user information are nobody's business.
func addresses() *regexp.Regexp { return regexp.MustCompile(`https?://[^\s"'<>]+`) }

// localPort matches our end of a connection in "read tcp 10.0.0.5:43210->10.0.0.6:443: timeout".
func localPort() *regexp.Regexp { return regexp.MustCompile(`[^\s>]+:[0-9]+->`) }
