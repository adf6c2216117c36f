// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/hack/bench/internal/audit"
	"github.com/weir-gitops/weir/hack/bench/internal/proc"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag of the test

const (
	source    = "system:serviceaccount:flux-system:source-controller"
	kustomize = "system:serviceaccount:flux-system:kustomize-controller"
)

func scenarios() []result.Scenario {
	environment := result.Environment{
		Date:       time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Machine:    proc.Machine{Cores: 2, CPU: "Example CPU", MemoryBytes: 24e9, Kernel: "6.1.0", Arch: "linux/amd64"},
		Kubernetes: "v1.36.3", Implementation: "weir", Go: "go1.26.8", Version: "v0.1.0-dev.0123abc",
	}
	fanout := result.Scenario{Name: result.Fanout, Environment: environment, Runs: []result.Run{{Steps: []result.Step{
		{
			Name: result.FirstApply,
			Values: map[result.Metric]float64{
				result.Settled: 5.4321, result.CPU: 6.5, result.Requests: 2534, result.GitBytes: 123456, result.ControlPlaneCPU: 12.34,
				result.CPUOf(result.SourceName): 0.5, result.CPUOf(result.KustomizeName): 6,
				result.ResidentOf(result.SourceName): 61e6, result.ResidentOf(result.KustomizeName): 78e6,
				result.PeakOf(result.SourceName): 62e6, result.PeakOf(result.KustomizeName): 80e6,
			},
			Requests: []audit.Count{
				{User: kustomize, Verb: "patch", Resource: "configmaps", Requests: 1000},
				{User: kustomize, Verb: "dry-run patch", Resource: "configmaps", Requests: 1000},
				{User: source, Verb: "patch", Resource: "gitrepositories/status", Requests: 2},
			},
		},
		{Name: result.HandEdit, Missed: "not put back in 10s"},
	}}}}
	chain := result.Scenario{Name: result.Chain, Environment: environment, Runs: []result.Run{
		{Steps: []result.Step{{Name: result.FirstApply, Values: map[result.Metric]float64{result.Settled: 2}}}},
		{Steps: []result.Step{{Name: result.FirstApply, Values: map[result.Metric]float64{result.Settled: 3}}}},
	}}
	fanout.Summarize()
	chain.Summarize()
	return []result.Scenario{fanout, chain}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it): -want, +got:\n%s", name, diff)
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	for _, s := range scenarios() {
		if err := Text(&b, s); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "report.txt", b.String())
}

func TestPage(t *testing.T) {
	all := Page("", scenarios())
	golden(t, "benchmarks.md", all)

	cases := map[string]struct {
		reason, old string
		scenarios   []result.Scenario
		want        string
	}{
		"Same":   {reason: "Writing the same again changes nothing.", old: all, scenarios: scenarios(), want: all},
		"Kept":   {reason: "Sections of other scenarios are kept.", old: all, scenarios: scenarios()[1:], want: all},
		"Nobody": {reason: "A page of somebody else's has no sections.", old: "# Hello\n", scenarios: scenarios(), want: all},
		"Cut":    {reason: "A section without an end is dropped.", old: intro + begin(result.Wait) + "\nx", scenarios: scenarios(), want: all},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Page(tc.old, tc.scenarios)); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, scenarios()); err != nil {
		t.Fatal(err)
	}
	var page struct{ Scenarios []result.Scenario }
	if err := json.Unmarshal(b.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(scenarios(), page.Scenarios); diff != "" {
		t.Errorf("-written, +read:\n%s", diff)
	}
	if !strings.Contains(b.String(), `"settledSeconds": 5.4321`) {
		t.Error("times are not in seconds")
	}
}

func TestCount(t *testing.T) {
	for want, n := range map[string]float64{"0": 0, "999": 999, "1,000": 1000, "1,234,567.5": 1234567.5} {
		if got := count(n); got != want {
			t.Errorf("count(%v) = %q, want %q", n, got, want)
		}
	}
}
