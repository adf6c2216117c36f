// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/weir-gitops/weir/kit/manager"
)

// Limits of both endpoints. Flux: contract notification-controller, section 1.1; there is no limit on the time of an answer.
const (
	maxHeaderBytes    = 256 << 10
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	// idleTimeout is how long a connection is kept for the next request; emitters keep theirs for 90 s.
	idleTimeout = 2 * time.Minute
	// graceful is how long the end waits for requests under way.
	graceful = 5 * time.Second
)

// endpoint is something that is served on a port of its own.
type endpoint struct {
	name, addr string
	// metrics is what the names of its metrics begin with; path is their label handler.
	metrics, path string
	handler       http.Handler
}

// serve binds the ports at once, so that one that is taken ends the process, and lets the manager serve them.
func serve(ctx context.Context, rt *manager.Runtime, endpoints []endpoint, wholePath bool) error {
	for _, e := range endpoints {
		observed, err := observe(e, wholePath, rt.Registry)
		if err != nil {
			return err
		}
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", e.addr)
		if err != nil {
			return fmt.Errorf("listen for %s: %w", e.name, err)
		}
		server := &http.Server{
			Handler: observed, MaxHeaderBytes: maxHeaderBytes,
			ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		}
		if err := rt.Manager.Add(&ctrlmanager.Server{Name: e.name, Server: server, Listener: listener, ShutdownTimeout: new(graceful)}); err != nil {
			return fmt.Errorf("add server for %s: %w", e.name, err)
		}
		rt.Log.Info("listening", "endpoint", e.name, "addr", listener.Addr().String())
	}
	return nil
}
