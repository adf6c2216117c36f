// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitserver serves Git repositories over smart HTTP on this machine, for reading and writing, without credentials. The protocol is
// git's own: each request is answered by git-http-backend.
package gitserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"strings"
	"time"
)

// maxPush bounds the body of a push whose length is not announced, in bytes: it is held in memory, because CGI needs the length.
const maxPush = 256 << 20

// probeBytes is the length of the empty request that git sends ahead of a large push, to see whether it may.
const probeBytes = 4

// Server serves the bare repositories of one folder on a free port of the loopback address.
type Server struct {
	dir    string
	onPush func()
	cgi    cgi.Handler
	http   http.Server
	url    string
}

// Start serves the folder until Close. onPush is called after each push.
func Start(ctx context.Context, dir string, onPush func()) (*Server, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Git requests: %w", err)
	}
	s := &Server{dir: dir, onPush: onPush, url: "http://" + listener.Addr().String()}
	s.cgi = cgi.Handler{
		Path:   git,
		Args:   []string{"http-backend"},
		Dir:    dir,
		Env:    []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"},
		Stderr: io.Discard, // what went wrong is in the answer
	}
	s.http = http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_ = s.http.Serve(listener) // always ends with ErrServerClosed, see Close
	}()
	return s, nil
}

// Close ends every connection.
func (s *Server) Close() error { return s.http.Close() }

// URL is where the repository of that name is cloned from.
func (s *Server) URL(name string) string { return s.url + "/" + name + ".git" }

// ServeHTTP answers one request of the Git protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength < 0 { // git sends what is over 1 MB in chunks
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPush))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	s.cgi.ServeHTTP(w, r)
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack") && r.ContentLength > probeBytes {
		s.onPush()
	}
}

// run runs git in a folder.
func run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0") // fail rather than ask for a password
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
