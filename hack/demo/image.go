// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/weir-gitops/weir/hack/local/registry"
)

// image pushes an image to the registry of a running demo, as a build would. Nodes are simulated: what counts is name and tag.
func image(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("weir-demo image", flag.ContinueOnError)
	data := fs.String("data", filepath.Join(".cache", "demo"), "the data folder of the demo")
	if err := fs.Parse(args); err != nil {
		return err
	}
	repository, tag, ok := strings.Cut(fs.Arg(0), ":")
	if !ok || fs.NArg() != 1 || tag == "" {
		return errors.New("usage: weir-demo image [--data FOLDER] NAME:TAG")
	}
	address, err := os.ReadFile(filepath.Join(*data, registryFile))
	if err != nil {
		return fmt.Errorf("is the demo running? %w", err)
	}
	target := registry.At(strings.TrimSpace(string(address)))
	if err := target.PushImage(ctx, repository, tag); err != nil {
		return fmt.Errorf("is the demo running? %w", err)
	}
	fmt.Printf("pushed %s:%s\n", target.Repository(repository), tag)
	return nil
}
