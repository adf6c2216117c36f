// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"helm.sh/helm/v3/pkg/chart"

	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

// bomb is YAML of some 200 KB that takes a gigabyte with its aliases written out.
func bomb(key string) string {
	return key + "\n- &a " + strings.Repeat("x", 20_000) + strings.Repeat("\n- *a", 50_000) + "\n"
}

// Aliases do not make of a small file a large one, wherever YAML of others is read.
func TestExpansion(t *testing.T) {
	const head = "apiVersion: v2\nname: app\nversion: 1.0.0\n"
	load := func(files map[string]string) error {
		tree := testkit.Chart{Name: "app", Version: "1.0.0"}.Tree("app")
		maps.Copy(tree, files)
		_, err := helmchart.LoadDir(t.Context(), writeTree(t, tree), "app", helmchart.Limits{})
		return err
	}
	cases := map[string]struct {
		reason string
		read   func() error
		want   error
	}{
		"Versions": {"In an index.", func() error {
			_, err := helmchart.ParseIndexVersions([]byte("- name: a\n  " + strings.ReplaceAll(bomb("keywords:"), "\n", "\n  ")))
			return err
		}, helmchart.ErrLimit},
		"Head": {"Beside its charts.", func() error {
			_, err := helmchart.ParseIndex([]byte("apiVersion: v1\n" + bomb("publicKeys:")))
			return err
		}, helmchart.ErrLimit},
		"Any":      {"Wherever somebody asks.", func() error { return helmchart.CheckExpansion([]byte("a: b\n---\n" + bomb("a:"))) }, helmchart.ErrLimit},
		"AnyBad":   {"What does not parse is not its concern.", func() error { return helmchart.CheckExpansion([]byte("&a *b: [")) }, nil},
		"Values":   {"In a values file.", func() error { _, err := helmchart.ParseValues([]byte(bomb("a:"))); return err }, helmchart.ErrLimit},
		"Chart":    {"In a Chart.yaml.", func() error { return load(map[string]string{"app/Chart.yaml": head + bomb("keywords:")}) }, helmchart.ErrLimit},
		"Defaults": {"In the values of a chart.", func() error { return load(map[string]string{"app/values.yaml": bomb("a:")}) }, helmchart.ErrLimit},
		"Second":   {"In their second document.", func() error { return load(map[string]string{"app/values.yaml": "---\na: b\n---\n" + bomb("a:")}) }, helmchart.ErrLimit},
		"Inner": {"In a chart in a chart.", func() error {
			return load(map[string]string{"app/charts/db/Chart.yaml": strings.Replace(head, "app", "db", 1), "app/charts/db/values.yaml": bomb("a:")})
		}, helmchart.ErrLimit},
		"Nested": {"Or by aliases of aliases.", func() error {
			_, err := helmchart.ParseValues([]byte("a: &a " + strings.Repeat("x", 100_000) + "\nb: &b [" + strings.Repeat("*a,", 30) + "]\nc: [" + strings.Repeat("*b,", 30) + "]\n"))
			return err
		}, helmchart.ErrLimit},
		"Template": {"What is only called like that is not read.", func() error {
			return load(map[string]string{"app/templates/values.yaml": "{{ x }}: & *\n" + bomb("a:")})
		}, nil},
		"Fair": {"Those that people use are fine.", func() error {
			return load(map[string]string{"app/values.yaml": "base: &base {a: b}\none: {<<: *base, c: d}\ntwo: *base\n"})
		}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := tc.read(); !errors.Is(err, tc.want) {
				t.Errorf("%s\n%v", tc.reason, err)
			}
		})
	}
}

// A chart with its dependencies has the limit of a chart: all of them are in memory at once.
func TestBuildDependenciesSize(t *testing.T) {
	var loaded atomic.Int32
	remote := func(_ context.Context, d *chart.Dependency) (*chart.Chart, error) {
		loaded.Add(1)
		return &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: d.Name, Version: d.Version}, Raw: []*chart.File{{Name: "x", Data: make([]byte, 1000)}}}, nil
	}
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "app", Version: "1.0.0"}}
	for i := range 100 {
		c.Metadata.Dependencies = append(c.Metadata.Dependencies, &chart.Dependency{Name: fmt.Sprint("d", i), Version: "1.0.0", Repository: "https://charts"})
	}
	_, err := helmchart.BuildDependencies(t.Context(), c, helmchart.Dependencies{Remote: remote, Limits: helmchart.Limits{ChartBytes: 10_500}})
	if !errors.Is(err, helmchart.ErrDependency) || !errors.Is(err, helmchart.ErrLimit) {
		t.Errorf("error %v", err)
	}
	if n := loaded.Load(); n > 20 {
		t.Errorf("%d were loaded", n)
	}
	if _, err := helmchart.BuildDependencies(t.Context(), c, helmchart.Dependencies{Remote: remote, Limits: helmchart.Limits{ChartBytes: 100_000}}); err != nil {
		t.Errorf("what fits is built: %v", err)
	}
}
