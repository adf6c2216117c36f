// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weir-demo shows Weir at work on one machine: a Kubernetes API server, the controllers as they would be deployed, a Git server with an example
// fleet and the other servers that this needs, a table of how it all becomes ready, and a tour of what happens then. `make run` builds and starts
// it.
//
//	weir-demo [--once] [--repo URL] [--dir PATH] [--cluster current]
//	weir-demo edit [--kubeconfig FILE] NAMESPACE/DEPLOYMENT REPLICAS    change a Deployment by hand and watch it being put back
//	weir-demo image [--data FOLDER] NAME:TAG                           push an image to the registry of the running demo
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// fleet is the example repository.
//
//go:embed all:fleet
var fleet embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctrl.SetLogger(logr.Discard()) // the demo shows objects; what its client thinks is not part of it

	err := command(ctx, os.Args[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		os.Exit(130) // as a shell reports Ctrl-C
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	switch {
	case len(args) > 0 && args[0] == "edit":
		return edit(ctx, args[1:])
	case len(args) > 0 && args[0] == "image":
		return image(ctx, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return run(ctx, o)
}
