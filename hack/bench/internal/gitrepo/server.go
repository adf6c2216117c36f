// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitrepo makes Git repositories from generated files and serves them
// over smart HTTP, counting what is fetched. It needs the git command.
package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	// maxRequestBytes bounds the body of a chunked request, which CGI cannot
	// pass on as it comes. A list of wants and haves is some kilobytes.
	maxRequestBytes = 8 << 20
	// headerTimeout is how long a client may take to send its headers.
	headerTimeout = 10 * time.Second
)

// Traffic is what a server has sent.
type Traffic struct {
	Requests int64
	// Bytes is the size of the response bodies.
	Bytes int64
}

// Server serves the bare repositories of a folder at http://127.0.0.1:<port>/<name>.git.
type Server struct {
	// URL is the address without a trailing slash.
	URL string

	http     *http.Server
	done     chan struct{}
	requests atomic.Int64
	bytes    atomic.Int64
}

// Serve starts a server for the repositories in the folder, on a free port.
func Serve(ctx context.Context, dir string) (*Server, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find folder of repositories: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Git clients: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), done: make(chan struct{})}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: root,
		Env: append(environment(root), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
		// A client that gives up early is its own business and not worth a line.
		Logger: log.New(io.Discard, "", 0), Stderr: io.Discard,
	}
	s.http = &http.Server{Handler: s.count(unchunk(backend)), ReadHeaderTimeout: headerTimeout}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // always ends with an error, that of Close
	}()
	return s, nil
}

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

// count adds up requests and response bytes.
func (s *Server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		next.ServeHTTP(&countingWriter{ResponseWriter: w, bytes: &s.bytes}, r)
	})
}

// unchunk gives a request without Content-Length one, since CGI needs it.
func unchunk(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
			if err != nil {
				http.Error(w, "request body too large or cut", http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength, r.TransferEncoding = int64(len(body)), nil
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
