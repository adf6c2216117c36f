// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weir-image makes the OCI image of each controller without a container engine: one layer with the root certificates and the user, one
// with the program. The same commit gives the same bytes, wherever it is built.
//
//	weir-image [flags] CONTROLLER ...
//
// Each image becomes one OCI archive that `docker load`, `ctr images import` and `kind load image-archive` read; --push sends it to a registry.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o750); err != nil {
		return err
	}
	for _, controller := range o.controllers {
		if err := o.image(ctx, controller); err != nil {
			return fmt.Errorf("image of %s: %w", controller, err)
		}
	}
	return nil
}

// image makes the image of one controller for all platforms, writes it and, if asked, pushes it.
func (o options) image(ctx context.Context, controller string) error {
	tag, err := o.tag(controller)
	if err != nil {
		return err
	}
	programs := make([]program, 0, len(o.platforms))
	for _, platform := range o.platforms {
		p := program{name: controller, platform: platform, path: filepath.Join(o.out, platform.OS+"-"+platform.Architecture, controller)}
		if err := p.build(ctx, o.root); err != nil {
			return err
		}
		programs = append(programs, p)
	}
	index, err := assemble(programs, o.labels(controller), o.created)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	archive := filepath.Join(o.out, controller+".tar")
	if err := writeArchive(archive, index, tag.String(), o.created); err != nil {
		return err
	}
	fmt.Printf("%s@%s\n", tag, digest)
	if !o.push {
		return nil
	}
	return push(ctx, tag, index)
}
