// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/weir-gitops/weir/hack/local/charts"
	"github.com/weir-gitops/weir/hack/local/chat"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/registry"
)

// content is what the servers have besides the fleet: charts for the Helm repository, bundles for the registry.
//
//go:embed all:charts all:bundles
var content embed.FS

const (
	// imageName is the image that the fleet runs, bundleName the artifact.
	imageName, bundleName = "podinfo", "reports"
	// bundleSource and bundleRevision are where the artifact says that it comes from.
	bundleSource, bundleRevision = "https://git.example.com/reports", "main@sha1:6c9a2d41c5d4ac4a1b4fd4b0f4a8cdf7d3bf2a0e"
	// chatFile and registryFile are in the data folder: what was said in the chat, and where the registry is.
	chatFile, registryFile = "chat.log", "registry"
	// deployments is the channel of the chat that the fleet writes to, audit where signed events go.
	deployments, audit = "deployments", "audit"
)

// startServers starts what the repository is to find: for one of the person's own just Git, for the fleet all of it.
func (d *demo) startServers(ctx context.Context) (said string, err error) {
	if d.server, err = gitserver.Start(ctx, filepath.Join(d.options.data, "git"), func() { d.pushed(ctx) }); err != nil {
		return "", err
	}
	if d.options.repo != "" {
		return "Git answers on this machine only", nil
	}
	for _, start := range []func(context.Context) error{d.startCharts, d.startRegistry, d.startChat} {
		if err := start(ctx); err != nil {
			return "", err
		}
	}
	return "Git, Helm repository, registry and chat answer on this machine only", nil
}

func (d *demo) startCharts(ctx context.Context) (err error) {
	if d.charts, err = charts.Start(ctx, filepath.Join(d.options.data, "charts")); err != nil {
		return err
	}
	for name, version := range map[string]string{"backup": "1.0.0", "mailer": "2.0.0"} {
		files, err := fs.Sub(content, "charts/"+name)
		if err == nil {
			err = d.charts.Publish(files, version)
		}
		if err != nil {
			return fmt.Errorf("publish chart %s: %w", name, err)
		}
	}
	return nil
}

func (d *demo) startRegistry(ctx context.Context) (err error) {
	d.registry, err = registry.StartTelling(ctx, func(repository, tag string) { d.tagged(ctx, repository, tag) })
	if err != nil {
		return err
	}
	files, err := fs.Sub(content, "bundles/"+bundleName)
	if err != nil {
		return err
	}
	return errors.Join(
		d.registry.PushImage(ctx, imageName, "6.9.0", "6.9.1"),
		d.registry.PushArtifact(ctx, bundleName, "1.0.0", files, bundleSource, bundleRevision),
		os.WriteFile(filepath.Join(d.options.data, registryFile), []byte(d.registry.Address+"\n"), 0o600),
	)
}

// startChat keeps what is said in a file as well, for the person to look at.
func (d *demo) startChat(ctx context.Context) (err error) {
	var mu sync.Mutex
	d.chat, err = chat.Start(ctx, func(m chat.Message) {
		mu.Lock()
		defer mu.Unlock()
		file, err := os.OpenFile(filepath.Join(d.options.data, chatFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return // the message itself has arrived
		}
		defer file.Close()
		fmt.Fprintf(file, "#%s %s\n\n", m.Path, m.Text)
	})
	return err
}

// variables are the addresses that the fleet leaves open, by the name under which postBuild fills them in.
func (d *demo) variables() map[string]string {
	return map[string]string{"repository": d.server.URL(fleetName), "charts": d.charts.URL(), "registry": d.registry.Address}
}

// closeServers closes what was started.
func (d *demo) closeServers() error {
	var errs []error
	if d.chat != nil {
		errs = append(errs, d.chat.Close())
	}
	if d.registry != nil {
		errs = append(errs, d.registry.Close())
	}
	if d.charts != nil {
		errs = append(errs, d.charts.Close())
	}
	if d.server != nil {
		errs = append(errs, d.server.Close())
	}
	return errors.Join(errs...)
}

// fill replaces ${name} by its value.
func fill(text string, variables map[string]string) string {
	for name, value := range variables {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}
