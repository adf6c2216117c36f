// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	// maxTransports bounds the pools of connections: one for each pair of proxy and TLS settings in use.
	maxTransports = 64
	// Bounds of each of them.
	maxIdleConnections        = 16
	maxIdleConnectionsPerHost = 4
	idleTimeout               = 90 * time.Second
	handshakeTimeout          = 10 * time.Second
	maxResponseHeaderBytes    = 64 << 10
)

// Transports share connections among the messages to services with the same proxy and TLS settings. It may be used from any goroutine.
type Transports struct {
	mu  sync.Mutex
	all []*pooled // the one used last at the end
}

type pooled struct {
	proxy     string
	tls       *tls.Config
	transport *http.Transport
}

// NewTransports returns an empty pool.
func NewTransports() *Transports { return &Transports{} }

// For returns the transport for a proxy, nil meaning that of the environment, and TLS settings, nil meaning the defaults.
func (t *Transports) For(proxy *url.URL, config *tls.Config) http.RoundTripper {
	name := ""
	if proxy != nil {
		name = proxy.String()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.all, func(p *pooled) bool { return p.proxy == name && same(p.tls, config) })
	if i >= 0 {
		found := t.all[i]
		t.all = append(slices.Delete(t.all, i, i+1), found)
		return found.transport
	}
	if len(t.all) >= maxTransports {
		// Requests that are under way keep their connections until they are done.
		t.all[0].transport.CloseIdleConnections()
		t.all = slices.Delete(t.all, 0, 1)
	}
	made := &pooled{proxy: name, tls: config, transport: newTransport(proxy, config)}
	t.all = append(t.all, made)
	return made.transport
}

// Close ends idle connections. What is under way goes on.
func (t *Transports) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.all {
		p.transport.CloseIdleConnections()
	}
	t.all = nil
}

func newTransport(proxy *url.URL, config *tls.Config) *http.Transport {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxIdleConnections,
		MaxIdleConnsPerHost:    maxIdleConnectionsPerHost,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
	}
	if proxy != nil {
		transport.Proxy = http.ProxyURL(proxy)
	}
	if config != nil {
		transport.TLSClientConfig = config.Clone()
	}
	return transport
}

// same compares what Secrets say about TLS.
func same(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return sameRoots(a.RootCAs, b.RootCAs) && slices.EqualFunc(a.Certificates, b.Certificates, func(x, y tls.Certificate) bool {
		return slices.EqualFunc(x.Certificate, y.Certificate, slices.Equal[[]byte])
	})
}

func sameRoots(a, b *x509.CertPool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}
