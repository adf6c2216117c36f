// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestMergeValues(t *testing.T) {
	type values = map[string]any
	cases := map[string]struct {
		reason     string
		a, b, want values
	}{
		"Empty":    {"Nothing over nothing is an empty map.", nil, nil, values{}},
		"Scalar":   {"The later one wins.", values{"a": 1}, values{"a": 2, "b": 3}, values{"a": 2, "b": 3}},
		"Maps":     {"Maps are merged.", values{"a": values{"x": 1, "y": values{"z": 1}}}, values{"a": values{"y": values{"w": 2}}}, values{"a": values{"x": 1, "y": values{"z": 1, "w": 2}}}},
		"List":     {"Lists are replaced.", values{"a": []any{1, 2}}, values{"a": []any{3}}, values{"a": []any{3}}},
		"Null":     {"An explicit null stays.", values{"a": values{"x": 1}}, values{"a": nil}, values{"a": nil}},
		"MapOver":  {"A map over something else replaces it.", values{"a": 1}, values{"a": values{"x": 1}}, values{"a": values{"x": 1}}},
		"UnderMap": {"As does something else over a map.", values{"a": values{"x": 1}}, values{"a": 1}, values{"a": 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a, b := clone(tc.a), clone(tc.b)
			if diff := cmp.Diff(tc.want, helmchart.MergeValues(tc.a, tc.b)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff([]values{a, b}, []values{tc.a, tc.b}); diff != "" {
				t.Errorf("the inputs are not changed (-want +got):\n%s", diff)
			}
		})
	}
}

func clone(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	c := map[string]any{}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			v = clone(inner)
		}
		c[k] = v
	}
	return c
}

func TestValuesFiles(t *testing.T) {
	files := map[string]string{"a": "x: 1\nm: {p: 1}\n", "b": "m: {q: 2}\n", "empty": "", "bad": "x: [", "list": "- 1"}
	read := func(name string) ([]byte, error) {
		if content, ok := files[name]; ok {
			return []byte(content), nil
		}
		return nil, fs.ErrNotExist
	}
	cases := map[string]struct {
		reason string
		files  []string
		ignore bool
		want   map[string]any
		merged []string
		err    error
		text   []string
	}{
		"Two":     {reason: "Later files win, maps are merged.", files: []string{"a", "b"}, want: map[string]any{"x": 1.0, "m": map[string]any{"p": 1.0, "q": 2.0}}, merged: []string{"a", "b"}},
		"Empty":   {reason: "An empty file adds nothing.", files: []string{"a", "empty"}, want: map[string]any{"x": 1.0, "m": map[string]any{"p": 1.0}}, merged: []string{"a", "empty"}},
		"Missing": {reason: "A missing file is an error.", files: []string{"a", "none"}, err: fs.ErrNotExist},
		"Ignored": {reason: "Unless it may be missing.", files: []string{"none", "b"}, ignore: true, want: map[string]any{"m": map[string]any{"q": 2.0}}, merged: []string{"b"}},
		"All":     {reason: "All that is wrong is told at once.", files: []string{"bad", "none", "list"}, err: helmchart.ErrValues, text: []string{"'bad'", "'none'", "'list'"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, merged, err := helmchart.ValuesFiles{Files: tc.files, IgnoreMissing: tc.ignore, Read: read}.Merge()
			if !errors.Is(err, tc.err) || tc.err != nil && !errors.Is(err, helmchart.ErrValues) {
				t.Fatalf("%s\ngot %v, want %v", tc.reason, err, tc.err)
			}
			for _, text := range tc.text {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%s\n%v does not mention %s", tc.reason, err, text)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.merged, merged); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWithBuildMetadata(t *testing.T) {
	cases := map[string]struct{ reason, version, want string }{
		"Plain":    {"Metadata is added.", "1.2.3", "1.2.3+abc.1"},
		"Replaced": {"What was there is replaced.", "1.2.3-rc.1+old", "1.2.3-rc.1+abc.1"},
		"V":        {"A leading v goes.", "v1.2.3", "1.2.3+abc.1"},
		"Bad":      {"Something else has no metadata.", "latest", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := helmchart.WithBuildMetadata(tc.version, "abc.1")
			if got != tc.want || (tc.want == "") != errors.Is(err, helmchart.ErrVersion) {
				t.Errorf("%s\ngot %q, %v", tc.reason, got, err)
			}
		})
	}
}

func TestConstraint(t *testing.T) {
	cases := map[string]struct {
		reason, constraint, version string
		want                        bool
	}{
		"Any":           {"Without a constraint every stable version will do.", "", "1.2.3", true},
		"Star":          {"As with a star.", "*", "v1.2.3", true},
		"Prerelease":    {"A pre-release will not.", "*", "1.2.3-rc.1", false},
		"PrereleaseIn":  {"Unless the constraint names one.", ">=1.0.0-0", "1.2.3-rc.1", true},
		"Range":         {"A range has an end.", "1.x", "2.0.0", false},
		"TwoNumbers":    {"Two numbers are no version.", "*", "1.2", false},
		"BuildMetadata": {"Metadata does not count.", "1.2.3", "1.2.3+x", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := helmchart.ParseConstraint(tc.constraint)
			if err != nil || c.Allows(tc.version) != tc.want {
				t.Errorf("%s\n%v, %v", tc.reason, c.Allows(tc.version), err)
			}
		})
	}
	if _, err := helmchart.ParseConstraint("not a version"); !errors.Is(err, helmchart.ErrVersion) {
		t.Errorf("a bad constraint is ErrVersion: %v", err)
	}
}

func TestPackage(t *testing.T) {
	outer := app()
	for _, name := range []string{"z", "a", "m"} {
		outer.Files["charts/"+name+".tgz"] = string(testkit.Chart{Name: name, Version: "1.0.0"}.Package(t))
	}
	var want []byte
	for range 5 { // helm's loader goes through a map
		c, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(outer.Package(t)), helmchart.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := helmchart.SetValues(c, map[string]any{"replicas": 2}); err != nil {
			t.Fatal(err)
		}
		c.Metadata.Version = "1.2.3+1"
		var buf bytes.Buffer
		if err := helmchart.Package(&buf, c); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = buf.Bytes()
		}
		if !bytes.Equal(want, buf.Bytes()) {
			t.Fatal("the same chart gives the same bytes")
		}
	}
	c, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(want), helmchart.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	values, err := helmchart.File(c, "values.yaml")
	if err != nil || string(values) != "replicas: 2\n" || c.Metadata.Version != "1.2.3+1" || len(c.Dependencies()) != 3 || len(c.Templates) != 2 || len(c.Files) != 2 {
		t.Errorf("what was packaged: %+v, values %q, %v", c.Metadata, values, err)
	}
}

func TestBuildDependencies(t *testing.T) {
	remote := func(_ context.Context, d *chart.Dependency) (*chart.Chart, error) {
		if d.Repository == "https://down" {
			return nil, errors.New("no answer")
		}
		return &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: d.Name, Version: d.Version}}, nil
	}
	cases := map[string]struct {
		reason       string
		dependencies []string
		files        map[string]string
		want         []string
		added        int
		text         []string
	}{
		"None":       {reason: "A chart without dependencies needs nothing."},
		"Local":      {reason: "A path is relative to the chart.", dependencies: []string{"{name: db, version: 0.1.x, repository: file://../db}"}, want: []string{"db 0.1.0"}, added: 1},
		"Confined":   {reason: "It cannot leave the tree.", dependencies: []string{"{name: db, repository: file://../../../../charts/db}"}, want: []string{"db 0.1.0"}, added: 1},
		"Mismatch":   {reason: "The version has to fit.", dependencies: []string{"{name: db, version: ^2, repository: file://../db}"}, text: []string{"0.1.0", "^2"}},
		"Remote":     {reason: "A URL is fetched.", dependencies: []string{"{name: web, version: 1.0.0, repository: https://charts}", "{name: cache, version: 2.0.0, repository: oci://charts}"}, want: []string{"cache 2.0.0", "web 1.0.0"}, added: 2},
		"Alias":      {reason: "An alias is the name of the chart in the chart.", dependencies: []string{"{name: db, repository: file://../db, alias: primary}", "{name: db, repository: file://../db, alias: replica}"}, want: []string{"primary 0.1.0", "replica 0.1.0"}, added: 2},
		"Complete":   {reason: "What is there already is not fetched.", dependencies: []string{"{name: web, version: 1.0.0, repository: https://down}"}, files: map[string]string{"charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.9.0"}, want: []string{"web 0.9.0"}},
		"Partly":     {reason: "What is there stays when others are missing.", dependencies: []string{"{name: web, version: 1.0.0, repository: https://down}", "{name: db, repository: file://../db}"}, files: map[string]string{"charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.9.0"}, want: []string{"db 0.1.0", "web 0.9.0"}, added: 1},
		"Locked":     {reason: "A lock names the version, and the alias comes from Chart.yaml.", dependencies: []string{"{name: web, version: 1.x, repository: https://charts, alias: front}"}, files: map[string]string{"Chart.lock": "dependencies:\n- {name: web, version: 1.4.2, repository: https://charts}\n"}, want: []string{"front 1.4.2"}, added: 1},
		"Repository": {reason: "An alias of a repository means nothing here.", dependencies: []string{"{name: web, version: 1.0.0, repository: \"@charts\"}"}, text: []string{"'web'", "@charts"}},
		"Scheme":     {reason: "Nor does another scheme.", dependencies: []string{"{name: web, version: 1.0.0, repository: ftp://charts}"}, text: []string{"'web'"}},
		"All":        {reason: "All that is missing is told at once.", dependencies: []string{"{name: web, version: 1.0.0, repository: https://down}", "{name: cache, repository: file://../none}"}, text: []string{"'web'", "no answer", "'cache'"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := testkit.Chart{Name: "app", Version: "1.0.0", Dependencies: tc.dependencies, Files: tc.files}.Tree("charts/app")
			maps.Copy(tree, testkit.Chart{Name: "db", Version: "0.1.0"}.Tree("charts/db"))
			root := writeTree(t, tree)
			c, err := helmchart.LoadDir(t.Context(), root, "charts/app", helmchart.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			added, err := helmchart.BuildDependencies(t.Context(), c, helmchart.Dependencies{Root: root, Dir: "charts/app", Remote: remote})
			if (len(tc.text) > 0) != errors.Is(err, helmchart.ErrDependency) || (err != nil) != (len(tc.text) > 0) {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			for _, text := range tc.text {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%s\n%v does not mention %s", tc.reason, err, text)
				}
			}
			var got []string
			for _, d := range c.Dependencies() {
				got = append(got, d.Name()+" "+d.Metadata.Version)
			}
			if diff := cmp.Diff(tc.want, got); err == nil && diff != "" || added != tc.added {
				t.Errorf("%s\nadded %d (-want +got):\n%s", tc.reason, added, diff)
			}
		})
	}
}
