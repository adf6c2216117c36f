// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/pflag"
)

// options is what the command line says.
type options struct {
	controllers []string
	root        string // of the repository
	out         string
	registry    string
	version     string
	platforms   []v1.Platform
	created     time.Time
	push        bool
}

// parse reads the command line and the environment, where SOURCE_DATE_EPOCH gives the time that the images carry.
func parse(args []string) (options, error) {
	o := options{created: time.Unix(0, 0).UTC()}
	flags := pflag.NewFlagSet("weir-image", pflag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "Usage: weir-image [flags] CONTROLLER ...\n\nFlags:\n%s", flags.FlagUsages())
	}
	flags.StringVar(&o.root, "root", "../..", "root of the repository")
	flags.StringVar(&o.out, "out", "bin/images", "folder for the archives, below the root")
	flags.StringVar(&o.registry, "registry", "ghcr.io/weir-gitops", "registry and path that come before the name of a controller")
	flags.StringVar(&o.version, "version", "v0.0.0-dev", "tag of the images, and their version label")
	platforms := flags.StringSlice("platform", []string{"linux/" + runtime.GOARCH}, "platforms to build for, such as linux/amd64,linux/arm64")
	flags.BoolVar(&o.push, "push", false, "push the images, with the credentials of the docker configuration")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o.controllers = flags.Args()
	if len(o.controllers) == 0 {
		return options{}, errors.New("name at least one controller")
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return options{}, err
	}
	o.root = root
	if !filepath.IsAbs(o.out) {
		o.out = filepath.Join(root, o.out)
	}
	for _, s := range *platforms {
		platform, err := v1.ParsePlatform(s)
		if err != nil {
			return options{}, fmt.Errorf("platform %q: %w", s, err)
		}
		if platform.OS != "linux" || platform.Architecture == "" {
			return options{}, fmt.Errorf("platform %q: want linux/ and an architecture", s)
		}
		o.platforms = append(o.platforms, *platform)
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return options{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		o.created = time.Unix(seconds, 0).UTC()
	}
	return o, nil
}

// tag names the image of a controller. What a version may hold and a tag may not (the + of build metadata) becomes a dash.
func (o options) tag(controller string) (name.Tag, error) {
	return name.NewTag(o.registry+"/"+controller+":"+strings.ReplaceAll(o.version, "+", "-"), name.StrictValidation)
}

func (o options) labels(controller string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    controller,
		"org.opencontainers.image.version":  o.version,
		"org.opencontainers.image.source":   "https://github.com/weir-gitops/weir",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}
