// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/hack/bench/internal/scenario"
	"github.com/weir-gitops/weir/hack/local/controllers"
)

// options is what the command line says.
type options struct {
	scenarios []string

	cluster           string            // executable
	programs          map[string]string // executables by controller
	manifests         string
	name              string
	runs              int
	json, report      string // paths of files
	check             bool
	idle, stepTimeout time.Duration
	profiles          string
	profileTime       time.Duration
	dir               string
	keep              bool
}

// parse reads the command line. Help and its like go to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := pflag.NewFlagSet("weir-bench", pflag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprintf(out, "Usage: weir-bench [flags] %s|all ...\n\nRelative paths start at the root of the workspace.\n\nFlags:\n%s",
			strings.Join(scenario.Names(), "|"), flags.FlagUsages())
	}
	flags.StringSliceVar(&o.scenarios, "scenario", nil, "scenario to measure, as if given as argument")
	flags.StringVar(&o.cluster, "cluster", "bin/weir-cluster", "weir-cluster command of hack/cluster")
	programs := map[string]*string{}
	for _, name := range controllers.Names() {
		programs[name] = flags.String(name, "bin/"+name, name+" to measure")
	}
	flags.StringVar(&o.manifests, "manifests", "manifests/install", "kustomize folder to install, whose Deployments say how controllers are run")
	flags.StringVar(&o.name, "name", "weir", "what the measured controllers are called in reports")
	flags.IntVar(&o.runs, "runs", 1, "how often to measure each scenario; the median counts")
	flags.StringVar(&o.json, "json", "", "file to write the results to as JSON, all runs included")
	flags.StringVar(&o.report, "report", "docs/benchmarks.md",
		"page to write the results into, where sections of other scenarios are kept; empty for none, which is the default with another --name")
	flags.BoolVar(&o.check, "check", false, "exit with 1 when a figure that must be reached is missed")
	flags.DurationVar(&o.idle, "idle", 0, "watch the controllers at rest for that long, at the end of fanout (default none)")
	flags.DurationVar(&o.stepTimeout, "step-timeout", 10*time.Minute, "give up a step after that long")
	flags.StringVar(&o.profiles, "profiles", "", "folder for a CPU profile of each controller in each step; taking them costs CPU (default none)")
	flags.DurationVar(&o.profileTime, "profile-time", 5*time.Second, "how much of each step to profile, from its start, in whole seconds")
	flags.StringVar(&o.dir, "dir", "", "folder for data and logs, which stays (default a temporary one, which stays after a failure)")
	flags.BoolVar(&o.keep, "keep", false, "leave the control plane running at the end")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o.programs = map[string]string{}
	for name, path := range programs {
		o.programs[name] = *path
	}
	if flags.Changed("name") && !flags.Changed("report") {
		o.report = ""
	}
	o.scenarios = append(o.scenarios, flags.Args()...)
	if slices.Contains(o.scenarios, "all") {
		o.scenarios = scenario.Names()
	}
	return o, errors.Join(o.resolve(), o.validate())
}

// resolve makes paths absolute: programs run in other folders than the bench,
// and the bench may run in that of its own module.
func (o *options) resolve() error {
	root, err := workspace()
	if err != nil {
		return err
	}
	for _, path := range []*string{&o.cluster, &o.manifests, &o.json, &o.report, &o.profiles, &o.dir} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(root, *path)
		}
	}
	for name, path := range o.programs {
		if !filepath.IsAbs(path) {
			o.programs[name] = filepath.Join(root, path)
		}
	}
	return nil
}

// workspace is the nearest folder upwards that has a go.work, else the present one.
func workspace() (string, error) {
	present, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the workspace: %w", err)
	}
	for dir := present; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return present, nil
		}
	}
}

// validate refuses what cannot work before anything is started.
func (o *options) validate() error {
	var errs []error
	if len(o.scenarios) == 0 {
		errs = append(errs, fmt.Errorf("name at least one scenario: %s or all", strings.Join(scenario.Names(), ", ")))
	}
	for _, s := range o.scenarios {
		if !slices.Contains(scenario.Names(), s) {
			errs = append(errs, fmt.Errorf("%w %q: known are %s and all", scenario.ErrUnknown, s, strings.Join(scenario.Names(), ", ")))
		}
	}
	if o.runs < 1 {
		errs = append(errs, errors.New("--runs has to be at least 1"))
	}
	if o.idle < 0 || o.stepTimeout <= 0 || o.profileTime < time.Second {
		errs = append(errs, errors.New("--idle, --step-timeout or --profile-time is too short"))
	}
	if o.keep && (o.runs > 1 || len(o.scenarios) > 1) {
		errs = append(errs, errors.New("--keep is for one run of one scenario"))
	}
	paths := []string{o.cluster, o.manifests}
	for _, name := range scenario.Controllers(o.scenarios) {
		paths = append(paths, o.programs[name])
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
