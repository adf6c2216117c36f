// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// get loads as the engine does.
func get(t *testing.T, by http.RoundTripper, address string) (string, error) {
	t.Helper()
	response, err := (&http.Client{Transport: by}).Get(address)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return string(content), err
}

// silence is a server that keeps its callers waiting until the test ends: for an answer, or, with a path that ends in "body", for the rest of it.
func silence(t *testing.T) *httptest.Server {
	t.Helper()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "body") {
			_, _ = w.Write([]byte("a"))
			_ = http.NewResponseController(w).Flush()
		}
		<-over
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	return server
}

func TestGuard(t *testing.T) {
	files := map[string]string{"/small": strings.Repeat("x", 10), "/large": strings.Repeat("x", 11), "/bomb": "&a [*a]"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(files[r.URL.Path]))
	}))
	defer server.Close()
	silent := silence(t)
	late := "the server took longer than 50ms"
	cases := map[string]struct{ reason, address, want, err string }{
		"Small":      {reason: "What fits comes whole.", address: server.URL + "/small", want: files["/small"]},
		"Large":      {reason: "What does not is an error, and not cut off.", address: server.URL + "/large", err: errTooLarge.Error()},
		"Bomb":       {reason: "What would end the process never gets to the engine.", address: server.URL + "/bomb", err: errAliasCycle.Error()},
		"Redirected": {reason: "A redirect leads round no limit.", address: server.URL + "/?to=/large", err: errTooLarge.Error()},
		"NoAnswer":   {reason: "A server that does not answer is given up.", address: silent.URL, err: late},
		"NoEnd":      {reason: "So is one that does not end.", address: silent.URL + "/body", err: late},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := &guard{timeout: time.Minute, maxBytes: 10, next: http.DefaultTransport}
			if tc.err == late {
				g.timeout = 50 * time.Millisecond
			}
			got, err := get(t, g, tc.address)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s got %v", tc.reason, err)
			}
			if err == nil && got != tc.want {
				t.Errorf("%s got %q", tc.reason, got)
			}
		})
	}
}

// TestGuardOthers holds that a request with an end of its own is none of the guard's business.
func TestGuardOthers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 100))
	}))
	defer server.Close()
	g := &guard{timeout: time.Nanosecond, maxBytes: 10, next: http.DefaultTransport}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: g}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err := io.ReadAll(response.Body); err != nil || len(content) != 100 {
		t.Errorf("got %d bytes, %v", len(content), err)
	}
}

// TestBoundRemotes looks at the transport that everybody shares, and at what others do with it.
func TestBoundRemotes(t *testing.T) {
	BoundRemotes()
	BoundRemotes()
	tls := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Proto))
	}))
	tls.EnableHTTP2 = true
	tls.StartTLS()
	defer tls.Close()
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		t.Fatalf("others expect to find an *http.Transport, not a %T", http.DefaultTransport)
	}
	if _, err := get(t, http.DefaultTransport, tls.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("certificates have to be checked as before, got %v", err)
	}
	clone := standard.Clone()
	clone.TLSClientConfig = tls.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	clone.TLSClientConfig.NextProtos = nil
	if got, err := get(t, clone, tls.URL); err != nil || got != "HTTP/2.0" {
		t.Errorf("a clone has to work as one of the standard transport: %s, %v", got, err)
	}
	standard.CloseIdleConnections()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	if _, err := get(t, nil, endless.URL); !errors.Is(err, errTooLarge) {
		t.Errorf("an endless file has to end, got %v", err)
	}
}

// TestPrefetched holds the answers of a build that runs alone: nothing at first, then those of the server.
func TestPrefetched(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("content of " + r.URL.Path))
	}))
	defer server.Close()
	g := &guard{timeout: time.Minute, maxBytes: maxRemoteBytes, next: http.DefaultTransport}
	var p prefetched
	for _, name := range []string{"/there", "/absent"} {
		p.expect(server.URL + name)
	}
	p.expect("http://127.0.0.1:1/nobody")
	for _, name := range []string{"", "../base", "git@example.com:a/b"} {
		p.expect(name)
	}
	if len(p.answers) != 3 {
		t.Errorf("only what is loaded over HTTP is expected: %v", p.answers)
	}
	g.apart.Store(&p)
	if got, err := get(t, g, server.URL+"/other"); err != nil || got != "content of /other" {
		t.Errorf("what the build does not refer to is answered by its server: %q, %v", got, err)
	}
	if p.load(t.Context(), limited{g}) {
		t.Error("nothing was asked for")
	}
	for range 2 {
		for _, address := range []string{server.URL + "/there", server.URL + "/absent", "http://127.0.0.1:1/nobody"} {
			if got, err := get(t, g, address); err != nil || got != "" {
				t.Errorf("at first there is nothing: %q, %v", got, err)
			}
		}
	}
	if len(p.missing) != 3 || !p.load(context.Background(), limited{g}) {
		t.Fatalf("missing: %v", p.missing)
	}
	if got, err := get(t, g, server.URL+"/there"); err != nil || got != "content of /there" {
		t.Errorf("then there is what the server has: %q, %v", got, err)
	}
	if _, err := get(t, g, "http://127.0.0.1:1/nobody"); err == nil || strings.Count(err.Error(), "Get ") != 1 {
		t.Errorf("or why there is not: %v", err)
	}
	if response, err := (&http.Client{Transport: g}).Get(server.URL + "/absent"); err != nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("or what else it said: %v, %v", response, err)
	} else if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if p.load(t.Context(), limited{g}) {
		t.Error("nothing more was asked for")
	}
}

// TestRemoteSchemas holds what is looked at in files over HTTP: types in all of them, definitions where "openapi" names them.
func TestRemoteSchemas(t *testing.T) {
	contents := map[string]string{
		"/types":  "a: {Schema: {properties: {kind: {}, apiVersion: {}, metadata: {}, x: {$ref: a}}}}",
		"/schema": "definitions: {a: {$ref: '#/definitions/a'}}",
		"/crd":    "spec: {schema: {definitions: {a: {$ref: '#/definitions/a/properties/b'}}}}",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(contents[r.URL.Path])) }))
	defer server.Close()
	g := &guard{timeout: time.Minute, maxBytes: maxRemoteBytes, next: http.DefaultTransport}
	for path, want := range map[string]error{"/types": errReferenceCycle, "/schema": nil, "/crd": nil} {
		if _, err := get(t, g, server.URL+path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	var p prefetched
	p.expect(server.URL + "/schema")
	g.apart.Store(&p)
	for range 2 {
		if _, err := get(t, g, server.URL+"/schema"); err != nil {
			t.Errorf("of a resource: %v", err)
		}
		p.load(t.Context(), limited{g})
	}
	p.schema(server.URL + "/schema")
	for range 2 {
		if _, err := get(t, g, server.URL+"/schema"); !errors.Is(err, errReferenceCycle) {
			t.Errorf("of a schema: %v", err)
		}
	}
}
