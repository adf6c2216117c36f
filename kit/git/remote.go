// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"github.com/weir-gitops/weir/kit/excerpt"
)

// The ways a remote can refuse that callers tell apart.
var (
	// ErrURL says that an address is not one of a remote repository.
	ErrURL = errors.New("invalid repository URL")
	// ErrEmpty says that the remote repository has no commits.
	ErrEmpty = errors.New("remote repository is empty")
)

const (
	// uploadPack gives objects, receivePack takes them.
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
	// agent is how we introduce ourselves. Some servers speak the smart protocol only to "git/".
	agent = "git/weir"
	// maxAdvertisementBytes limits the list of references: about 900,000 of them.
	maxAdvertisementBytes = 64 << 20
	// maxServerTextBytes limits what is quoted from a server's own error text.
	maxServerTextBytes = 200
)

// errProtocol says that a server did not answer a request for objects as the protocol wants.
var errProtocol = errors.New("malformed response")

// Remote is a repository on a server and how to get in.
type Remote struct {
	url       *url.URL
	transport transport
}

// transport talks the Git protocol, version 0, with a server.
type transport interface {
	// list returns the references the server has for a service.
	list(ctx context.Context, service string) (*advertisement, error)
	// fetch sends a request and gives the response to receive. adv is from list.
	fetch(ctx context.Context, adv *advertisement, req *packp.UploadPackRequest, receive func(*packp.UploadPackResponse) error) error
	// push lets decide make a request of what the server has, sends it and gives the response to receive.
	// Nothing is sent after an error of decide.
	push(ctx context.Context, decide decideFunc, receive func(io.Reader) error) error
	// close frees idle connections.
	close()
}

// decideFunc makes a request to move references of those that a server has.
type decideFunc func(*advertisement) (*packp.ReferenceUpdateRequest, error)

// advertisement is what a server says about itself.
type advertisement struct {
	*packp.AdvRefs

	// base is where the repository turned out to be, after redirects. HTTP only.
	base *url.URL
}

// NewRemote returns the repository at address. Errors are ErrURL or ErrCredentials, or a plain error if
// address and credentials contradict each other. Nothing is sent yet.
func NewRemote(address string, creds Credentials, algorithms SSHAlgorithms) (*Remote, error) {
	u, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	var t transport
	if u.Scheme == "ssh" {
		t, err = newSSHTransport(u, creds, algorithms)
	} else {
		t, err = newHTTPTransport(u, creds)
	}
	if err != nil {
		return nil, err
	}
	return &Remote{url: u, transport: t}, nil
}

// CheckURL returns ErrURL unless address can be that of a remote repository.
func CheckURL(address string) error {
	_, err := parseURL(address)
	return err
}

// parseURL checks and parses the address of a repository.
func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error of the parser quotes the address with everything in it, and its cause parts of what may
		// be a password.
		if strings.Contains(address, "@") {
			return nil, fmt.Errorf("%w: it does not parse", ErrURL)
		}
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	switch u.Scheme {
	case "http", "https", "ssh":
	default:
		return nil, fmt.Errorf("%w: scheme %q is not one of http, https, ssh", ErrURL, u.Scheme)
	}
	if u.Hostname() == "" || u.Path == "" || u.Path == "/" {
		return nil, fmt.Errorf("%w: %s lacks a host or a path", ErrURL, Redact(u))
	}
	return u, nil
}

// Close frees idle connections. The remote can be used again.
func (r *Remote) Close() { r.transport.close() }

// identity is the address without credentials; it tells mirrors of different repositories apart.
func (r *Remote) identity() string { return Redact(r.url) }

// list asks the remote for its references.
func (r *Remote) list(ctx context.Context) (*advertisement, error) {
	adv, err := r.transport.list(ctx, uploadPack)
	if err != nil {
		return nil, r.failed(ctx, "list references of", err)
	}
	return adv, nil
}

// failed adds what was being done to an error. Whatever an interrupted exchange looks like, its cause is
// the interruption.
func (r *Remote) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s %s: %w", doing, r.identity(), steady(plain(err)))
}

// Redact returns u without user information and query.
func Redact(u *url.URL) string {
	clean := *u
	clean.User, clean.RawQuery, clean.Fragment = nil, "", ""
	return clean.String()
}

// plain takes the address out of an error of the HTTP client, which quotes it with its query.
func plain(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// serverText makes a short printable line of what a server said about a failure.
func serverText(b []byte) string {
	b = controlCharacters().ReplaceAll(b, []byte(" "))
	// Cut last: half of a URL does not show that its beginning is a password.
	b = userInfo().ReplaceAll(b, []byte("$1"))
	return excerpt.Of(string(b), maxServerTextBytes)
}

// controlCharacters matches what does not belong into a message.
func controlCharacters() *regexp.Regexp { return regexp.MustCompile(`[\x00-\x1f\x7f]+`) }

// userInfo matches credentials in a URL that a server quotes.
func userInfo() *regexp.Regexp { return regexp.MustCompile(`(://)[^/@\s]+@`) }
