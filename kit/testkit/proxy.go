// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Proxy is a forward proxy for HTTP and, through CONNECT, HTTPS.
type Proxy struct {
	// URL is its address without user information.
	URL string

	authorization string
	transport     *http.Transport
	tunnels       sync.WaitGroup

	mu       sync.Mutex
	requests []string
	conns    []net.Conn
}

// NewProxy starts a proxy. It asks for user and password unless the user is empty.
func NewProxy(tb testing.TB, username, password string) *Proxy {
	tb.Helper()
	p := &Proxy{transport: &http.Transport{}}
	if username != "" {
		p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
	}
	server := httptest.NewServer(p)
	tb.Cleanup(func() {
		server.Close()
		p.transport.CloseIdleConnections()
		p.hangUp()
	})
	p.URL = server.URL
	return p
}

// Take returns what the proxy was asked for since the last call: "CONNECT host:port" or "GET url".
func (p *Proxy) Take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := p.requests
	p.requests = nil
	return requests
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, req.Method+" "+req.RequestURI)
	p.mu.Unlock()
	switch {
	case p.authorization != "" && req.Header.Get("Proxy-Authorization") != p.authorization:
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
	case req.Method == http.MethodConnect:
		p.tunnel(w, req)
	default:
		p.forward(w, req)
	}
}

// forward sends a plain request on.
func (p *Proxy) forward(w http.ResponseWriter, req *http.Request) {
	on := req.Clone(req.Context())
	on.RequestURI = ""
	on.Header.Del("Proxy-Authorization")
	res, err := p.transport.RoundTrip(on)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	maps.Copy(w.Header(), res.Header)
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body)
}

// tunnel connects the client with the host it names until one of them hangs up.
func (p *Proxy) tunnel(w http.ResponseWriter, req *http.Request) {
	var dialer net.Dialer
	far, err := dialer.DialContext(req.Context(), "tcp", req.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, far, near)
	p.mu.Unlock()
	p.tunnels.Go(func() { relay(far, near) })
	p.tunnels.Go(func() { relay(near, far) })
}

// hangUp ends all tunnels.
func (p *Proxy) hangUp() {
	p.mu.Lock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.tunnels.Wait()
}

// relay copies until the source ends, then ends both.
func relay(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
