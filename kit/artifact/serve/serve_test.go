// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-gitops/weir/kit/artifact/serve"
)

// storage returns a root with one artifact and what must stay private.
func storage(t *testing.T) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"gitrepository/ns/app/abc.tar.gz",
		"gitrepository/ns/app/abc.tar.gz.lock",
		"gitrepository/ns/app/.abc.tar.gz.tmp-1",
		".state/mirror/gitrepository/ns/app/config",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "gitrepository/ns/app/passwd")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("abc.tar.gz", filepath.Join(dir, "gitrepository/ns/app/latest.tar.gz")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestHandler(t *testing.T) {
	const file = "/gitrepository/ns/app/abc.tar.gz"
	cases := map[string]struct {
		reason string
		method string
		path   string
		header map[string]string
		code   int
		body   string
	}{
		"Root":      {reason: "The readiness probe.", path: "/", code: 200},
		"File":      {reason: "An artifact is handed out.", path: file, code: 200, body: "0123456789"},
		"Link":      {reason: "A link inside the storage, as latest.tar.gz, is followed.", path: "/gitrepository/ns/app/latest.tar.gz", code: 200, body: "0123456789"},
		"Head":      {reason: "HEAD has no body.", method: http.MethodHead, path: file, code: 200},
		"Range":     {reason: "Downloads can be resumed.", path: file, header: map[string]string{"Range": "bytes=4-5"}, code: 206, body: "45"},
		"Unchanged": {reason: "A client that has it is told so.", path: file, header: map[string]string{"If-Modified-Since": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, code: 304},
		"Directory": {reason: "There are no listings.", path: "/gitrepository/ns/app/", code: 404},
		"Kind":      {reason: "Nor of a kind.", path: "/gitrepository", code: 404},
		"Missing":   {reason: "What is not there is not found.", path: "/gitrepository/ns/app/def.tar.gz", code: 404},
		"Lock":      {reason: "Locks are private.", path: file + ".lock", code: 404},
		"Temporary": {reason: "So are unfinished files.", path: "/gitrepository/ns/app/.abc.tar.gz.tmp-1", code: 404},
		"State":     {reason: "So is the state.", path: "/.state/mirror/gitrepository/ns/app/config", code: 404},
		"Escape":    {reason: "A link that leads outside is not followed.", path: "/gitrepository/ns/app/passwd", code: 404},
		"Dots":      {reason: "Dots do not lead outside.", path: "/gitrepository/../../etc/passwd", code: 404},
		"Post":      {reason: "Clients only read.", method: http.MethodPost, path: file, code: 405, body: "method not allowed\n"},
	}
	handler := serve.Handler(storage(t))
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			method := tc.method
			if method == "" {
				method = http.MethodGet
			}
			r := httptest.NewRequestWithContext(t.Context(), method, "http://host/", http.NoBody)
			r.URL.Path = tc.path
			for k, v := range tc.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tc.code {
				t.Fatalf("%s\ncode %d, want %d", tc.reason, w.Code, tc.code)
			}
			if tc.code != 404 && w.Body.String() != tc.body {
				t.Errorf("%s\nbody %q, want %q", tc.reason, w.Body, tc.body)
			}
		})
	}
}

// artifactFile is one that storage holds.
const artifactFile = "gitrepository/ns/app/abc.tar.gz"

// get asks handler for artifactFile.
func get(t *testing.T, handler http.Handler, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://host/"+artifactFile, http.NoBody)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// A file that takes the name of another one is told from it, even if it was written in the same second.
func TestReplacedFile(t *testing.T) {
	root := storage(t)
	handler := serve.Handler(root)
	second := time.Now().Truncate(time.Second)
	if err := root.Chtimes(artifactFile, second, second); err != nil {
		t.Fatal(err)
	}
	tag := get(t, handler, nil).Header().Get("ETag")
	if w := get(t, handler, map[string]string{"If-None-Match": tag}); tag == "" || w.Code != http.StatusNotModified {
		t.Errorf("tag %q: %d", tag, w.Code)
	}
	if w := get(t, handler, map[string]string{"If-Range": tag, "Range": "bytes=4-5"}); w.Code != http.StatusPartialContent {
		t.Errorf("part of the same file: %d", w.Code)
	}
	if err := errors.Join(root.WriteFile("new", []byte("abcdefghij"), 0o600), root.Chtimes("new", second, second.Add(time.Millisecond)), root.Rename("new", artifactFile)); err != nil {
		t.Fatal(err)
	}
	if w := get(t, handler, map[string]string{"If-None-Match": tag}); w.Code != http.StatusOK || w.Body.String() != "abcdefghij" {
		t.Errorf("another file: %d %q", w.Code, w.Body)
	}
	if w := get(t, handler, map[string]string{"If-Range": tag, "Range": "bytes=4-5"}); w.Code != http.StatusOK || w.Body.String() != "abcdefghij" {
		t.Errorf("part of another file: %d %q", w.Code, w.Body)
	}
}

// A download that has begun ends with the file it began with, whatever happens to the name.
func TestDownloadWhileReplaced(t *testing.T) {
	const file, size = artifactFile, 16 << 20 // more than the buffers of a connection take
	root := storage(t)
	server := httptest.NewServer(serve.Handler(root))
	defer server.Close()
	for name, change := range map[string]func() error{
		"Replaced": func() error {
			return errors.Join(root.WriteFile("new", bytes.Repeat([]byte("b"), size), 0o600), root.Rename("new", file))
		},
		"Removed": func() error { return root.Remove(file) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := root.WriteFile(file, bytes.Repeat([]byte("a"), size), 0o600); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/"+file, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if err := change(); err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || !bytes.Equal(body, bytes.Repeat([]byte("a"), size)) {
				t.Errorf("got %d of %d bytes, %v", len(body), size, err)
			}
		})
	}
}

// What says nothing about a file is not told as its end.
func TestNoFilesLeft(t *testing.T) {
	handler := serve.Handler(storage(t))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = 1
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	w := get(t, handler, nil)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("without files to open: %d", w.Code)
	}
	if w := get(t, handler, nil); w.Code != http.StatusOK {
		t.Errorf("with some again: %d", w.Code)
	}
}

func TestServerStopsGracefully(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	server := &serve.Server{Root: storage(t)}
	go func() { done <- server.Serve(ctx, l) }()

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/gitrepository/ns/app/abc.tar.gz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "0123456789" {
		t.Fatalf("body %q, %v", body, err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("a normal end is no error: %v", err)
	}
}

// pipes is a listener of connections in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A connection that a client has opened and not used, as clients do ahead, holds up no end.
func TestServerStopsWithUnusedConnections(t *testing.T) {
	root := storage(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		done := make(chan error, 1)
		go func() { done <- (&serve.Server{Root: root}).Serve(ctx, l) }()
		near, far := net.Pipe()
		defer near.Close()
		l.conns <- far
		synctest.Wait()
		began := time.Now()
		cancel()
		if err := <-done; err != nil || time.Since(began) > time.Second {
			t.Errorf("ended %s later: %v", time.Since(began), err)
		}
	})
}

func TestServerReportsListenerFailure(t *testing.T) {
	server := &serve.Server{Addr: "256.0.0.1:bad", Root: storage(t)}
	if err := server.Start(t.Context()); err == nil {
		t.Error("an address that cannot be used must be an error")
	}
}
