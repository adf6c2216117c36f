// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/weir-gitops/weir/kit/oci/keychain"
)

const (
	// maxTransports bounds the pairs of TLS settings and proxy that connections are kept for.
	maxTransports = 64
	// maxLogins bounds the logins that are kept; one takes about a kilobyte.
	maxLogins = 2048
	// idleTimeout ends connections nobody used for a while. It is longer than the usual interval of a minute.
	idleTimeout = 90 * time.Second
	dialTimeout = 30 * time.Second
	// handshakeTimeout is that of net/http's default transport.
	handshakeTimeout = 10 * time.Second
	// idlePerHost is how many connections to one registry stay open.
	idlePerHost = 8
)

// Options configure a Client. The zero value is ready for use.
type Options struct {
	// UserAgent is told to registries. Default flux/v2. Flux: source-controller contract, "OCIRepository".
	UserAgent string
	// RetryWait is the wait before the second attempt of a request, three times as long before the third and last. Default 1 s.
	RetryWait time.Duration
}

// Client keeps connections and logins between uses. Its methods may be called at the same time; one per process is enough.
type Client struct {
	options Options
	logins  *lru.Cache[loginKey, *login]

	mu         sync.Mutex
	transports []*shared // least recently used first
}

// Access is how a repository is reached.
type Access struct {
	// Keychain has the credentials. Zero means that nobody is asked for.
	Keychain keychain.Keychain
	// TLS are the settings of HTTPS connections; nil means the authorities of the system. Equal settings share connections.
	TLS *tls.Config
	// Proxy is the proxy to use; nil means what the environment of the process says.
	Proxy *url.URL
	// PlainHTTP allows HTTP for the host of this repository if it does not answer to HTTPS. Local hosts (loopback, *.localhost, private IPv4
	// addresses) may always use it.
	PlainHTTP bool
	// SkipVerify turns the checks of certificates off.
	SkipVerify bool
}

// shared is a transport and what it was made for.
type shared struct {
	tls        *tls.Config
	proxy      string
	skipVerify bool
	transport  *http.Transport
}

// loginKey tells what a login can be used for again.
type loginKey struct {
	transport *shared
	name      Name
	plainHTTP bool
	// credential is a hash, so that no copy of a secret is kept beyond its use.
	credential [sha256.Size]byte
}

// NewClient returns a client.
func NewClient(o Options) *Client {
	o.UserAgent = cmp.Or(o.UserAgent, "flux/v2")
	o.RetryWait = cmp.Or(o.RetryWait, time.Second)
	logins, err := lru.New[loginKey, *login](maxLogins)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &Client{options: o, logins: logins}
}

// Close ends idle connections and forgets logins.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.transports {
		s.transport.CloseIdleConnections()
	}
	c.transports = nil
	c.logins.Purge()
}

// Open returns the repository. Nothing is sent yet. It has to be closed after use, and serves one caller at a time.
func (c *Client) Open(n Name, a Access) *Repository {
	credential, _ := a.Keychain.Find(n.String())
	key := loginKey{transport: c.transport(a), name: n, plainHTTP: a.PlainHTTP, credential: fingerprint(credential)}
	return &Repository{client: c, key: key, credential: credential}
}

func fingerprint(c keychain.Credential) [sha256.Size]byte {
	b, err := json.Marshal(c) //nolint:gosec // only its hash leaves this function
	if err != nil {
		panic(err) // strings only
	}
	return sha256.Sum256(b)
}

// transport returns the transport for a, a kept one if there is one.
func (c *Client) transport(a Access) *shared {
	proxy := ""
	if a.Proxy != nil {
		proxy = a.Proxy.String()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.transports {
		if s.proxy == proxy && s.skipVerify == a.SkipVerify && equalTLS(s.tls, a.TLS) {
			c.transports = append(slices.Delete(c.transports, i, i+1), s)
			return s
		}
	}
	if len(c.transports) >= maxTransports {
		c.transports[0].transport.CloseIdleConnections()
		c.transports = slices.Delete(c.transports, 0, 1)
	}
	s := &shared{tls: a.TLS, proxy: proxy, skipVerify: a.SkipVerify, transport: newTransport(a)}
	c.transports = append(c.transports, s)
	return s
}

func newTransport(a Access) *http.Transport {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.TLS != nil {
		config = a.TLS.Clone()
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	}
	config.InsecureSkipVerify = a.SkipVerify // what the user asks for, for this one repository
	proxy := http.ProxyFromEnvironment
	if a.Proxy != nil {
		proxy = http.ProxyURL(a.Proxy)
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		Proxy:               proxy,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: handshakeTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     idleTimeout,
	}
}

// equalTLS reports whether two settings make the same connections: they trust the same authorities and show the same certificates. The key of
// a certificate is the one it names.
func equalTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ServerName == b.ServerName && a.MinVersion == b.MinVersion && equalPools(a.RootCAs, b.RootCAs) &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
			return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
		})
}

func equalPools(a, b *x509.CertPool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}
