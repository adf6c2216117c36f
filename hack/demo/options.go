// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/weir-gitops/weir/hack/local/controllers"
)

// options are the flags of the demo.
type options struct {
	once    bool
	tour    bool
	timeout time.Duration
	repo    string
	dir     string
	cluster string
	yes     bool
	remove  bool
	root    string
	data    string
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("weir-demo", flag.ContinueOnError)
	fs.BoolVar(&o.once, "once", false, "end after the tour: exit 0 when everything came true, else 1")
	fs.BoolVar(&o.tour, "tour", true, "show the tour of the example fleet once everything is ready")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long it may take until everything is ready, with --once; each step of the tour has a limit of its own")
	fs.StringVar(&o.repo, "repo", "", "a Git repository of your own instead of the example fleet: a URL, or a folder on this machine")
	fs.StringVar(&o.dir, "dir", "./", "the folder in --repo to apply")
	fs.StringVar(&o.cluster, "cluster", "local", "local, or current for the current context of the kubeconfig")
	fs.BoolVar(&o.yes, "yes", false, "with --cluster current: do not ask before changing it")
	fs.BoolVar(&o.remove, "remove", false, "with --cluster current: delete at the end what was applied from Git")
	fs.StringVar(&o.root, "root", ".", "the folder of this project, where bin/ and manifests/ are")
	fs.StringVar(&o.data, "data", "", "folder for data and logs (default .cache/demo in --root)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q; --help lists the flags", fs.Arg(0))
	}
	if o.cluster != "local" && o.cluster != "current" {
		return o, fmt.Errorf("--cluster is local or current, not %q", o.cluster)
	}
	if o.repo == "" && o.dir != "./" {
		return o, errors.New("--dir names a folder in --repo, which is missing")
	}
	if o.data == "" {
		o.data = filepath.Join(o.root, ".cache", "demo")
	}
	var err error
	if o.root, err = filepath.Abs(o.root); err == nil {
		o.data, err = filepath.Abs(o.data)
	}
	return o, err
}

// bin is the path of one of our programs.
func (o options) bin(name string) string { return filepath.Join(o.root, "bin", name) }

// clone is where the person works in the example repository.
func (o options) clone() string { return filepath.Join(o.data, "fleet") }

// check sees that there is what a demo needs, before anything is started.
func (o options) check() error {
	if _, err := exec.LookPath("git"); err != nil {
		return fmt.Errorf("the demo needs git: %w", err)
	}
	if _, err := os.Stat(filepath.Join(o.root, "manifests", "install")); err != nil {
		return fmt.Errorf("%s is not the folder of this project, which --root names: %w", o.root, err)
	}
	for _, name := range append(controllers.Names(), "weir-cluster") {
		if _, err := os.Stat(o.bin(name)); err != nil { //nolint:gosec // a folder of whoever runs this
			return fmt.Errorf("%s is not built; make run does that: %w", name, err)
		}
	}
	return nil
}

// prepare empties the data folder, and refuses when another demo is at work in it. The folder stays locked until the process ends.
func (o options) prepare() error {
	if err := os.MkdirAll(o.data, 0o750); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := lock(filepath.Join(o.data, "lock")); err != nil {
		return fmt.Errorf("another demo runs with the data in %s; end it, or name another folder with --data", o.data)
	}
	for _, dir := range append(controllers.Names(), "kubeconfig", "cluster", "git", "fleet", "logs", "charts", chatFile, registryFile, signersFile) {
		if err := os.RemoveAll(filepath.Join(o.data, dir)); err != nil {
			return fmt.Errorf("empty the data folder: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(o.data, "logs"), 0o750); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}
