// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitserver serves Git repositories over smart HTTP on this machine, for reading and writing, without credentials, and counts what is
// fetched. The protocol is git's own: each request is answered by git-http-backend.
package gitserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxRequestBytes bounds a request whose length is not announced, such as a push: it is held in memory, because CGI needs the length.
	maxRequestBytes = 256 << 20
	// headerTimeout is how long a client may take to send its headers.
	headerTimeout = 10 * time.Second
	// probeBytes is the length of the empty request that git sends ahead of a large push, to see whether it may.
	probeBytes = 4
)

// Server serves the bare repositories of one folder on a free port of the loopback address.
type Server struct {
	dir      string
	url      string
	onPush   func()
	http     *http.Server
	done     chan struct{}
	requests atomic.Int64
	bytes    atomic.Int64
}

// Traffic is what a server has sent.
type Traffic struct {
	Requests int64
	// Bytes is the size of the response bodies.
	Bytes int64
}

// Start serves a folder, which it makes, until Close. onPush is called after each push by a client; nil for no call.
func Start(ctx context.Context, dir string, onPush func()) (*Server, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder of repositories: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of repositories: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Git requests: %w", err)
	}
	s := &Server{dir: dir, url: "http://" + listener.Addr().String(), onPush: onPush, done: make(chan struct{})}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: dir,
		Env: append(environment(dir), "GIT_PROJECT_ROOT="+dir, "GIT_HTTP_EXPORT_ALL=1"),
		// What went wrong is in the answer, and a client that gives up early is its own business.
		Logger: log.New(io.Discard, "", 0), Stderr: io.Discard,
	}
	s.http = &http.Server{Handler: s.count(unchunk(s.tell(backend))), ReadHeaderTimeout: headerTimeout}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // always ends with ErrServerClosed, see Close
	}()
	return s, nil
}

// URL is where the repository of that name is cloned from.
func (s *Server) URL(name string) string { return s.url + "/" + name + ".git" }

// Traffic returns what was sent so far.
func (s *Server) Traffic() Traffic {
	return Traffic{Requests: s.requests.Load(), Bytes: s.bytes.Load()}
}

// Close stops serving and cuts the connections.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	return err
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name+".git") }

// count adds up requests and response bytes.
func (s *Server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		next.ServeHTTP(&countingWriter{ResponseWriter: w, bytes: &s.bytes}, r)
	})
}

// tell calls onPush after each push.
func (s *Server) tell(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		push := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack") && r.ContentLength > probeBytes
		if push && s.onPush != nil {
			s.onPush()
		}
	})
}

// unchunk gives a request without Content-Length one, since CGI needs it; git sends what is over 1 MB in chunks.
func unchunk(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
				return
			}
			if err != nil {
				http.Error(w, "request body was cut", http.StatusBadRequest)
				return
			}
			r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		}
		next.ServeHTTP(w, r)
	})
}

// countingWriter counts the bytes of a response body.
type countingWriter struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

// Write implements io.Writer.
func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes.Add(int64(n))
	return n, err
}
