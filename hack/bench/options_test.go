// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/hack/bench/internal/scenario"
	"github.com/weir-gitops/weir/hack/local/controllers"
)

// inWorkspace makes a workspace with what is to be measured and returns its root.
func inWorkspace(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"go.work", "bin/weir-cluster", "bin/source-controller", "bin/kustomize-controller", "bin/helm-controller", "bin/notification-controller", "bin/image-automation-controller", "manifests/install/x.yaml", "hack/bench/go.mod"} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "hack/bench"))
	return root
}

func TestParse(t *testing.T) {
	root := inWorkspace(t)
	cases := map[string]struct {
		reason    string
		args      []string
		scenarios []string
		want      string // in the error, if any
	}{
		"Argument": {reason: "A scenario by name.", args: []string{"chain"}, scenarios: []string{"chain"}},
		"Flag":     {reason: "The same as a flag.", args: []string{"--scenario", "chain"}, scenarios: []string{"chain"}},
		"All":      {reason: "All of them.", args: []string{"all"}, scenarios: scenario.Names()},
		"None":     {reason: "Without a scenario there is nothing to do.", want: "name at least one scenario"},
		"Unknown":  {reason: "The known ones are named.", args: []string{"fan"}, want: `unknown scenario "fan": known are fanout`},
		"NoRuns":   {reason: "A median needs a run.", args: []string{"chain", "--runs=0"}, want: "--runs"},
		"Keep":     {reason: "Only one control plane can stay.", args: []string{"all", "--keep"}, want: "--keep"},
		"Missing":  {reason: "A program that is not there is named.", args: []string{"chain", "--cluster=nowhere"}, want: "nowhere"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parse(tc.args, io.Discard)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s\nerror %v, want %q in it", tc.reason, err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.scenarios, o.scenarios); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
			if want := filepath.Join(root, "bin/source-controller"); o.programs[controllers.Source] != want {
				t.Errorf("source-controller at %s, want %s", o.programs[controllers.Source], want)
			}
		})
	}
	for args, want := range map[string]string{"": filepath.Join(root, "docs/benchmarks.md"), "--name=other": "", "--report=": ""} {
		o, err := parse(append([]string{"chain"}, strings.Fields(args)...), io.Discard)
		if err != nil || o.report != want {
			t.Errorf("%s: report in %q, error %v, want %q", args, o.report, err, want)
		}
	}
	if _, err := parse([]string{"--help"}, io.Discard); !errors.Is(err, pflag.ErrHelp) {
		t.Errorf("--help: error %v", err)
	}
}
