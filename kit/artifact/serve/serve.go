// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package serve hands out stored artifacts over HTTP: files by path, nothing else.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// shutdownTimeout is how long downloads in progress may take once the process has to end. It is less than what the process gives to all that it
	// stops (source-controller/internal/app), which would otherwise end as a fault. Flux: source-controller contract, "Artifact server": 5 s at most.
	shutdownTimeout = 3 * time.Second
	// readHeaderTimeout and idleTimeout free connections of clients that say nothing. There is no limit
	// on writing: an artifact may be large and a client slow.
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	// maxHeaderBytes is generous for the plain GET that clients send.
	maxHeaderBytes = 16 << 10
)

// Handler serves the files below root. GET / answers 200 with an empty body, which is the readiness
// probe of the deployment. Directories, hidden files and lock files do not exist for clients.
func Handler(root *os.Root) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Path == "/" || r.URL.Path == "" {
			w.WriteHeader(http.StatusOK)
			return
		}
		serveFile(w, r, root)
	})
}

// serveFile answers with the file at the path of the request. What keeps it from that is told as 404, unless it says nothing about the file: a client
// takes that for the end of an artifact.
func serveFile(w http.ResponseWriter, r *http.Request, root *os.Root) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if !isPublic(name) {
		http.NotFound(w, r)
		return
	}
	f, err := root.Open(name)
	if isPassing(err) {
		http.Error(w, "storage cannot be read now", http.StatusServiceUnavailable)
		return
	}
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("ETag", tagOf(info))
	// The open file stays what it is when another one takes its name, or it is removed.
	http.ServeContent(w, r, name, info.ModTime(), f)
}

// isPassing reports whether a file that cannot be opened may be there.
func isPassing(err error) bool {
	for _, fault := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

// tagOf tells a file from another one of its name, also from one of the same second, which a time in HTTP does not.
func tagOf(info fs.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
}

// isPublic reports whether clients may ask for name.
func isPublic(name string) bool {
	if !fs.ValidPath(name) || strings.HasSuffix(name, ".lock") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

// contentType is the type of the few kinds of files there are; it keeps ServeContent from guessing.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".gz", ".tgz":
		return "application/gzip"
	case ".yaml":
		return "application/yaml"
	}
	return "application/octet-stream"
}

// Server serves a store. It fits controller-runtime's Runnable.
type Server struct {
	// Addr is where to listen, as in ":9090".
	Addr string
	// Root is the storage to serve.
	Root *os.Root
}

// NeedLeaderElection reports that only the instance that writes artifacts serves them: the others do not
// become ready, so that the Service leads to the leader.
func (s *Server) NeedLeaderElection() bool { return true }

// Start listens and serves until ctx ends, then lets downloads finish for a few seconds.
func (s *Server) Start(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("artifact server: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve is Start with a listener that exists. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var fresh unused
	server := &http.Server{
		Handler:           Handler(s.Root),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         fresh.note,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	select {
	case err := <-served:
		return fmt.Errorf("artifact server: %w", err)
	case <-ctx.Done():
	}
	fresh.hangUp()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// unused are the connections on which nothing was asked for yet. Clients open some ahead, and http.Server waits five seconds for each at its end.
type unused struct {
	mu    sync.Mutex
	ended bool
	conns map[net.Conn]struct{}
}

// note follows the state of a connection.
func (u *unused) note(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(u.conns, c)
	case u.ended:
		_ = c.Close() // nobody has used it
	default:
		if u.conns == nil {
			u.conns = make(map[net.Conn]struct{})
		}
		u.conns[c] = struct{}{}
	}
}

// hangUp closes them, and those that still come.
func (u *unused) hangUp() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
	for c := range u.conns {
		_ = c.Close() // the same
	}
}
