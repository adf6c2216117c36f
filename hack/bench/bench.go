// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/proc"
	"github.com/weir-gitops/weir/hack/bench/internal/report"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/bench/internal/scenario"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/process"
)

// versionTimeout bounds the question for a version.
const versionTimeout = 5 * time.Second

// errMissed says that figures were missed.
var errMissed = errors.New("missed what must be reached")

// bench measures scenarios and writes reports.
type bench struct {
	options  options
	out      io.Writer // results
	progress io.Writer
}

func (b bench) run(ctx context.Context) error {
	dir, temporary, err := b.folder()
	if err != nil {
		return err
	}
	results, err := b.measure(ctx, dir)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w\nlogs are in %s", err, dir)
	}
	if temporary && !b.options.keep {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return err
	}
	if err := b.write(results); err != nil {
		return err
	}
	return b.verdict(results)
}

// folder returns an empty folder for data and logs, and whether it is ours.
func (b bench) folder() (string, bool, error) {
	if b.options.dir == "" {
		dir, err := os.MkdirTemp("", "weir-bench-")
		if err != nil {
			return "", false, fmt.Errorf("create temporary folder: %w", err)
		}
		return dir, true, nil
	}
	dir := b.options.dir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", false, fmt.Errorf("create --dir: %w", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return "", false, errors.Join(err, fmt.Errorf("%s is not empty", dir))
	}
	return dir, false, nil
}

// measure runs all scenarios as often as wanted.
func (b bench) measure(ctx context.Context, dir string) ([]result.Scenario, error) {
	var results []result.Scenario
	for _, name := range b.options.scenarios {
		s := result.Scenario{Name: name}
		var kubernetes string
		for n := range b.options.runs {
			o := b.environment(filepath.Join(dir, strconv.Itoa(n+1)), func(format string, args ...any) {
				fmt.Fprintf(b.progress, "%s %d/%d: %s\n", name, n+1, b.options.runs, fmt.Sprintf(format, args...))
			})
			run, version, err := scenario.Run(ctx, name, o)
			if err != nil {
				return nil, err
			}
			s.Runs, kubernetes = append(s.Runs, run), version
		}
		var err error
		if s.Environment, err = b.describe(ctx, kubernetes); err != nil {
			return nil, err
		}
		s.Summarize()
		results = append(results, s)
		if err := report.Text(b.out, s); err != nil {
			return nil, fmt.Errorf("print results: %w", err)
		}
	}
	return results, nil
}

func (b bench) environment(dir string, progress func(string, ...any)) env.Options {
	o := b.options
	return env.Options{
		Cluster: o.cluster, Programs: o.programs, Manifests: o.manifests,
		Dir: dir, StepTimeout: o.stepTimeout, Idle: o.idle, Keep: o.keep,
		Profiles: o.profiles, ProfileTime: o.profileTime, Progress: progress,
	}
}

// describe says what the figures were measured on and with.
func (b bench) describe(ctx context.Context, kubernetes string) (result.Environment, error) {
	machine, err := proc.FS{Root: "/proc"}.Machine()
	if err != nil {
		return result.Environment{}, err
	}
	e := result.Environment{
		Date: time.Now(), Machine: machine, Kubernetes: kubernetes, Implementation: b.options.name,
		Version: version(ctx, b.options.programs[controllers.Source]), Go: "unknown Go",
	}
	if info, err := buildinfo.ReadFile(b.options.programs[controllers.Source]); err == nil { // else it is not written in Go
		e.Go = info.GoVersion
	}
	return e, nil
}

// version is the last word of what a program says on --version, empty if it
// does not know the flag.
func version(ctx context.Context, program string) string {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	out, err := process.Run(ctx, process.Spec{Name: filepath.Base(program), Path: program, Args: []string{"--version"}})
	words := bytes.Fields(out)
	if err != nil || len(words) == 0 {
		return ""
	}
	return string(words[len(words)-1])
}

// write stores the results where wanted.
func (b bench) write(results []result.Scenario) error {
	if b.options.json != "" {
		var data bytes.Buffer
		if err := report.JSON(&data, results); err != nil {
			return err
		}
		if err := os.WriteFile(b.options.json, data.Bytes(), 0o600); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	if b.options.report == "" {
		return nil
	}
	old, err := os.ReadFile(b.options.report)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read report: %w", err)
	}
	page := report.Page(string(old), results)
	if err := os.WriteFile(b.options.report, []byte(page), 0o644); err != nil { //nolint:gosec // a page of the documentation
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// verdict is an error if figures were missed and that is to be checked.
func (b bench) verdict(results []result.Scenario) error {
	var missed []error
	for _, s := range results {
		for _, f := range s.Figures {
			if !f.Reached {
				missed = append(missed, fmt.Errorf("%w: %s: %s", errMissed, f.Work, f.Name))
			}
		}
	}
	if !b.options.check {
		return nil
	}
	return errors.Join(missed...)
}
