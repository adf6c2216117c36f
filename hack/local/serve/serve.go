// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package serve runs an HTTP handler on a free port of the loopback address until it is closed.
package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// headerTimeout is how long a client may take to send its headers.
const headerTimeout = 10 * time.Second

// Server is a handler that answers.
type Server struct {
	// Address is host:port.
	Address string

	http *http.Server
	done chan struct{}
}

// Start serves a handler; what names it in errors.
func Start(ctx context.Context, what string, handler http.Handler) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for %s requests: %w", what, err)
	}
	s := &Server{
		Address: listener.Addr().String(), done: make(chan struct{}),
		http: &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout},
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // always ends with ErrServerClosed, see Close
	}()
	return s, nil
}

// Close stops serving and cuts the connections.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	return err
}
