// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

// listing is a Chart.yaml whose dependencies are written n times, each under another name, with what follows.
func listing(name, dependency string, n int, rest string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v2\nname: %s\nversion: 1.0.0\ndependencies:\n", name)
	for i := range n {
		fmt.Fprintf(&b, "- {name: %s, version: 1.0.0, alias: %s%d%s}\n", dependency, dependency, i, rest)
	}
	return b.String()
}

// TestExtent holds that a chart does not become much larger than it is when its dependencies are processed.
func TestExtent(t *testing.T) {
	small := map[string]string{"app/charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.0.0\n", "app/charts/db/values.yaml": "a: b\n"}
	with := func(files map[string]string) map[string]string {
		all := maps.Clone(small)
		maps.Copy(all, files)
		return all
	}
	text := strings.Repeat("x", 1<<20)
	imports := ", import-values: [" + strings.TrimSuffix(strings.Repeat("{child: x, parent: y},", 40), ",") + "]"
	deep := map[string]string{}
	for i := range 33 {
		deep["app/"+strings.Repeat("charts/a/", i+1)+"Chart.yaml"] = "apiVersion: v2\nname: a\nversion: 1.0.0\n"
	}
	shallow := maps.Clone(deep)
	delete(shallow, "app/"+strings.Repeat("charts/a/", 33)+"Chart.yaml")
	handedUp := map[string]string{"app/Chart.yaml": listing("app", "a", 1, "")}
	for i := range 20 {
		handedUp["app/"+strings.Repeat("charts/a/", i+1)+"Chart.yaml"] = "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: a, version: 1.0.0}]\n"
	}
	handedUp["app/"+strings.Repeat("charts/a/", 20)+"values.yaml"] = "a: " + text
	importDeep := func(path string, levels int) string {
		return fmt.Sprintf(", import-values: [{child: x, parent: %s}]", strings.Repeat(path, levels)+"a")
	}
	tables := "global: {x: {a: " + text + "}}\n"
	large := map[string]string{}
	for i := range 17 {
		large[fmt.Sprintf("app/charts/c%d/Chart.yaml", i)] = fmt.Sprintf("apiVersion: v2\nname: c%d\nversion: 1.0.0\n", i)
		large[fmt.Sprintf("app/charts/c%d/values.yaml", i)] = "a: " + text
	}
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   error
	}{
		"Umbrella": {"The same chart may be in it many times.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 100, "")}), nil},
		"Aliases":  {"But not any number of times.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 1000, "")}), helmchart.ErrLimit},
		"AliasesBelow": {"Nor by charts in it.", with(map[string]string{
			"app/Chart.yaml": listing("app", "db", 40, ""), "app/charts/db/Chart.yaml": listing("db", "in", 40, ""), "app/charts/db/charts/in/Chart.yaml": "apiVersion: v2\nname: in\nversion: 1.0.0\n",
		}), helmchart.ErrLimit},
		"Templates":   {"Its files have the limit of a chart.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 101, ""), "app/charts/db/templates/a": text}), helmchart.ErrLimit},
		"Values":      {"Its values one of their own.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 17, ""), "app/charts/db/values.yaml": "a: " + text}), helmchart.ErrLimit},
		"ValuesFiles": {"Also without other names.", large, helmchart.ErrLimit},
		"Imports":     {"And handed up.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 1, imports), "app/charts/db/values.yaml": "x: {a: " + text + "}"}), helmchart.ErrLimit},
		"ImportsOwn":  {"Also if they are those of the chart itself.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 1, imports), "app/values.yaml": "db0: {x: {a: " + text + "}}"}), helmchart.ErrLimit},
		"ImportsPath": {"They are imported to a path.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 1, importDeep("a.", 900)), "app/charts/db/values.yaml": "x: {a: b}"}), nil},
		"ImportsDeep": {"Which is not of any length.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 1, importDeep("a.", 100_000)), "app/charts/db/values.yaml": "x: {a: b}"}), helmchart.ErrLimit},
		"ImportsList": {"However it is written.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 1, ", import-values: [{child: x, parent: ["+strings.Repeat("a.", 100_000)+"a]}]"), "app/charts/db/values.yaml": "x: {a: b}"}), helmchart.ErrLimit},
		"ImportsTwice": {"Nor with what it leads to.", with(map[string]string{
			"app/Chart.yaml": listing("app", "db", 1, importDeep("a.", 600)), "app/charts/db/Chart.yaml": listing("db", "in", 1, ", import-values: [{child: x, parent: x."+strings.Repeat("a.", 600)+"a}]"),
			"app/charts/db/charts/in/Chart.yaml": "apiVersion: v2\nname: in\nversion: 1.0.0\n", "app/charts/db/charts/in/values.yaml": "x: {a: b}",
		}), helmchart.ErrLimit},
		"ImportsOwnDeep": {"Of whichever chart.", with(map[string]string{
			"app/Chart.yaml": listing("app", "db", 1, importDeep("a.", 600)), "app/values.yaml": "db0: {x: " + strings.Repeat("{a: ", 600) + "1" + strings.Repeat("}", 600) + "}",
		}), helmchart.ErrLimit},
		"HandedUp":    {"Each chart has the values of those in it.", handedUp, helmchart.ErrLimit},
		"Global":      {"And global ones of those that it is in.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 17, ""), "app/values.yaml": tables}), helmchart.ErrLimit},
		"GlobalFew":   {"Which few charts may have.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 10, ""), "app/values.yaml": tables}), nil},
		"Schemas":     {"Schemas count as files.", with(map[string]string{"app/Chart.yaml": listing("app", "db", 101, ""), "app/charts/db/values.schema.json": text}), helmchart.ErrLimit},
		"Nested":      {"Charts may be in charts.", shallow, nil},
		"NestedDeep":  {"But not in any number.", deep, helmchart.ErrLimit},
		"DeepValues":  {"Values are not nested without end.", with(map[string]string{"app/values.yaml": "a: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)}), helmchart.ErrLimit},
		"DeepBelow":   {"Nor those of charts in it.", with(map[string]string{"app/charts/db/values.yaml": "a: " + strings.Repeat("{a: ", 1000) + "1" + strings.Repeat("}", 1000)}), helmchart.ErrLimit},
		"DeeperStill": {"What the parser refuses is no chart.", with(map[string]string{"app/values.yaml": "a: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)}), helmchart.ErrChart},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := testkit.Chart{Name: "app", Version: "1.0.0"}.Tree("app")
			maps.Copy(tree, tc.files)
			c, err := helmchart.LoadDir(t.Context(), writeTree(t, tree), "app", helmchart.Limits{})
			if !errors.Is(err, tc.want) {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if err == nil {
				if err := helmchart.ProcessDependencies(c, map[string]any{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestCheckDepth holds where the limit is.
func TestCheckDepth(t *testing.T) {
	nested := func(n int) map[string]any {
		var value any = "x"
		for i := range n - 1 {
			if i%2 == 0 {
				value = map[string]any{"a": "x", "b": value}
			} else {
				value = []any{value, 1}
			}
		}
		return map[string]any{"a": value}
	}
	if err := helmchart.CheckDepth(nested(1000)); err != nil {
		t.Error(err)
	}
	if err := helmchart.CheckDepth(nested(1001)); !errors.Is(err, helmchart.ErrLimit) {
		t.Errorf("got %v", err)
	}
	if _, err := helmchart.ParseValues([]byte("a: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000))); !errors.Is(err, helmchart.ErrValues) || !errors.Is(err, helmchart.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// TestProcessDependencies holds that the global values of a release have a bound that goes by the charts that get a copy.
func TestProcessDependencies(t *testing.T) {
	tree := testkit.Chart{Name: "app", Version: "1.0.0"}.Tree("app")
	for i := range 20 {
		tree[fmt.Sprintf("app/charts/c%d/Chart.yaml", i)] = fmt.Sprintf("apiVersion: v2\nname: c%d\nversion: 1.0.0\n", i)
	}
	c, err := helmchart.LoadDir(t.Context(), writeTree(t, tree), "app", helmchart.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	global := func(size int) map[string]any {
		return map[string]any{"global": map[string]any{"x": map[string]any{"a": strings.Repeat("x", size)}}}
	}
	if err := helmchart.ProcessDependencies(c, global(800_000)); err != nil {
		t.Error(err)
	}
	if err := helmchart.ProcessDependencies(c, global(900_000)); !errors.Is(err, helmchart.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// TestFileLimit holds that whoever allows larger files has also larger values.
func TestFileLimit(t *testing.T) {
	tree := testkit.Chart{Name: "app", Version: "1.0.0"}.Tree("app")
	tree["app/values.yaml"] = "a: ]" + strings.Repeat("x", 17<<20) // which takes no time to be refused once it is read at all
	root := writeTree(t, tree)
	for size, want := range map[int64]error{0: helmchart.ErrLimit, 20 << 20: helmchart.ErrChart} {
		if _, err := helmchart.LoadDir(t.Context(), root, "app", helmchart.Limits{FileBytes: size}); !errors.Is(err, want) {
			t.Errorf("files of %d bytes: %v", size, err)
		}
	}
}
