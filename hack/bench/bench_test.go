// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/controllers"
)

// roleVariable turns this test program into a stand-in for the controllers.
const roleVariable = "WEIR_BENCH_FAKE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	if err := runFake(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestBench measures stand-ins for the controllers against a real control plane.
// It needs the weir-cluster command and the install manifest.
func TestBench(t *testing.T) {
	root, err := workspace()
	if err != nil {
		t.Fatal(err)
	}
	o := options{
		cluster: filepath.Join(root, "bin/weir-cluster"), manifests: filepath.Join(root, "manifests/install"),
		name: "stand-in", runs: 1, scenarios: []string{result.Chain}, stepTimeout: 5 * time.Minute,
		json: filepath.Join(t.TempDir(), "results.json"), report: filepath.Join(t.TempDir(), "benchmarks.md"),
	}
	for _, path := range []string{o.cluster, o.manifests} {
		if _, err := os.Stat(path); err != nil || testing.Short() {
			t.Skipf("needs %s (make cluster) and no -short", filepath.Base(path))
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.programs = map[string]string{controllers.Source: program, controllers.Kustomize: program}
	t.Setenv(roleVariable, "1")
	var out bytes.Buffer
	if err := (bench{options: o, out: &out, progress: t.Output()}).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())

	data, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Scenarios []result.Scenario }
	if err := json.Unmarshal(data, &page); err != nil {
		t.Fatal(err)
	}
	first := page.Scenarios[0].Steps[0]
	var applied float64
	for _, c := range first.Requests {
		if c.Verb == "patch" && (c.Resource == "deployments" || c.Resource == "configmaps") {
			applied += c.Requests
		}
	}
	// Each of the ten applications has a Deployment and a ConfigMap.
	if applied != 20 || first.Values[result.Settled] <= 0 || first.Values[result.CPU] <= 0 || first.Values[result.ControlPlaneCPU] <= 0 {
		t.Errorf("%v objects applied, want 20; values %v", applied, first.Values)
	}
	if page, err := os.ReadFile(o.report); err != nil || !bytes.Contains(page, []byte("## chain")) {
		t.Errorf("report %q, error %v", page, err)
	}
}
