// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weir-kwok is kwok, which simulates nodes and the pods on them, bound to the life of the supervisor that started it. It is
// a program of its own because its command and kube-apiserver's both claim the global flag --version.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"

	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
)

func main() {
	lifeline.Hold()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "weir-kwok:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to clean up
	}
}

// run reads the logging and configuration flags first: kwok's command takes its defaults from what they set up.
func run(ctx context.Context) error {
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ = log.InitFlags(ctx, flags)
	ctx, err := config.InitFlags(ctx, flags)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	return command.ExecuteContext(ctx)
}
