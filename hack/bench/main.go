// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weir-bench measures the controllers against a local control plane: time, CPU,
// memory and, from the API server's audit log, every request. It relies on the
// public API and the flags only, so that any implementation of them can be
// measured the same way.
//
//	weir-bench [flags] fanout|chain|wait|monorepo|helm|push|image|all ...
//
// It runs on Linux, whose /proc it reads, and needs the git command.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

// Exit codes.
const (
	exitFailed = 1 // also for a figure that was missed, with --check
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	o, err := parse(args, os.Stderr)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir-bench: %v\n", err)
		return exitUsage
	}
	b := bench{options: o, out: os.Stdout, progress: os.Stderr}
	if err := b.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "weir-bench: %v\n", err)
		return exitFailed
	}
	return 0
}
