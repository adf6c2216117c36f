// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package api_test holds the generated CRDs against the facts of the API that Weir speaks.
package api_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestCRDs compares names, columns and every field of every kind.
func TestCRDs(t *testing.T) {
	want := readFacts(t, filepath.Join("testdata", "crds.tsv"))
	got := readCRDs(t, filepath.Join("..", "manifests", "crds"))
	allowed := readAdditions(t, filepath.Join("testdata", "additions.txt"))

	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("kinds (-contract +generated):\n%s", diff)
	}
	for kind, w := range want {
		t.Run(strings.ReplaceAll(kind, "/", "_"), func(t *testing.T) {
			for _, problem := range compare(w, got[kind], allowed[kind]) {
				t.Error(problem)
			}
		})
	}
	for kind := range allowed {
		if _, ok := want[kind]; !ok {
			t.Errorf("additions.txt names the unknown kind %q", kind)
		}
	}
}

// TestCompare shows that the comparison notices what it is there for.
func TestCompare(t *testing.T) {
	base := func() facts {
		return facts{
			names:   "plural=things",
			columns: []string{"Age\tdate\t.metadata.creationTimestamp"},
			fields:  map[string]string{".spec": "object\t", ".spec.url": "string\trequired"},
		}
	}
	cases := map[string]struct {
		reason  string
		change  func(*facts)
		allowed []string
		want    int
	}{
		"Same": {
			reason: "Equal facts are no problem.",
			change: func(*facts) {},
		},
		"OtherNames": {
			reason: "Short names and categories are part of the API.",
			change: func(f *facts) { f.names = "plural=others" },
			want:   1,
		},
		"OtherColumns": {
			reason: "The order of columns is part of the API.",
			change: func(f *facts) { f.columns = append([]string{"URL\tstring\t.spec.url"}, f.columns...) },
			want:   1,
		},
		"MissingField": {
			reason: "A field of the contract has to be there.",
			change: func(f *facts) { delete(f.fields, ".spec.url") },
			want:   1,
		},
		"ChangedField": {
			reason: "Type and constraints have to be those of the contract.",
			change: func(f *facts) { f.fields[".spec.url"] = "string\t" },
			want:   1,
		},
		"UnlistedAddition": {
			reason: "A field of our own has to be listed.",
			change: func(f *facts) { f.fields[".spec.new"] = "string\t" },
			want:   1,
		},
		"ListedAddition": {
			reason:  "A listed optional field of our own is fine.",
			change:  func(f *facts) { f.fields[".spec.new"] = "string\t" },
			allowed: []string{".spec.new"},
		},
		"RequiredAddition": {
			reason:  "A field of our own must not be required: existing objects do not have it.",
			change:  func(f *facts) { f.fields[".spec.new"] = "string\trequired; minLength=1" },
			allowed: []string{".spec.new"},
			want:    1,
		},
		"StaleAddition": {
			reason:  "The list of additions must not outlive what it lists.",
			change:  func(*facts) {},
			allowed: []string{".spec.gone"},
			want:    1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := base()
			tc.change(&got)
			if problems := compare(base(), got, tc.allowed); len(problems) != tc.want {
				t.Errorf("%s: got %d problems, want %d: %v", tc.reason, len(problems), tc.want, problems)
			}
		})
	}
}

// facts is what the contract says about one kind.
type facts struct {
	names   string
	columns []string
	fields  map[string]string // path to "type<TAB>constraints"
}

// compare returns one text for each difference. Additions are allowed when listed and optional.
func compare(want, got facts, additions []string) []string {
	var problems []string
	if diff := cmp.Diff(want.names, got.names); diff != "" {
		problems = append(problems, "names (-contract +generated):\n"+diff)
	}
	if diff := cmp.Diff(want.columns, got.columns); diff != "" {
		problems = append(problems, "columns (-contract +generated):\n"+diff)
	}
	for _, path := range slices.Sorted(maps.Keys(want.fields)) {
		switch field, ok := got.fields[path]; {
		case !ok:
			problems = append(problems, path+" is missing")
		case field != want.fields[path]:
			problems = append(problems, path+"\n  contract:  "+want.fields[path]+"\n  generated: "+field)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got.fields)) {
		if _, ok := want.fields[path]; ok {
			continue
		}
		_, constraints, _ := strings.Cut(got.fields[path], "\t")
		switch {
		case !slices.Contains(additions, path):
			problems = append(problems, path+" is neither in the contract nor in additions.txt")
		case strings.HasPrefix(constraints, "required"):
			problems = append(problems, path+" is an addition and must not be required")
		}
	}
	for _, path := range additions {
		if _, ok := got.fields[path]; !ok {
			problems = append(problems, path+" is in additions.txt but not in the CRD")
		}
	}
	return problems
}

// readFacts parses a file of blocks: a heading "## <group>/<version> <Kind>", then names, columns and fields.
func readFacts(t *testing.T, path string) map[string]facts {
	t.Helper()
	all := map[string]facts{}
	var kind string
	for _, line := range readLines(t, path) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			kind = heading
			all[kind] = facts{fields: map[string]string{}}
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := all[kind]
		if names, ok := strings.CutPrefix(line, "names: "); ok {
			f.names = names
		} else if column, ok := strings.CutPrefix(line, "column: "); ok {
			f.columns = append(f.columns, column)
		} else {
			path, rest, _ := strings.Cut(line, "\t")
			typ, constraints, _ := strings.Cut(rest, "\t")
			f.fields[path] = typ + "\t" + constraints
		}
		all[kind] = f
	}
	return all
}

// readAdditions parses lines of "<group>/<version> <Kind> <path>".
func readAdditions(t *testing.T, path string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, line := range readLines(t, path) {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			t.Fatalf("%s: want <group>/<version> <Kind> <path>, got %q", path, line)
		}
		kind := fields[0] + " " + fields[1]
		all[kind] = append(all[kind], fields[2])
	}
	return all
}

func readCRDs(t *testing.T, dir string) map[string]facts {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]facts{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(data, &crd); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range crd.Spec.Versions {
			v := &crd.Spec.Versions[i]
			kind := crd.Spec.Group + "/" + v.Name + " " + crd.Spec.Names.Kind
			all[kind] = facts{names: describeNames(t, &crd, v), columns: describeColumns(v), fields: describeFields(t, v)}
		}
	}
	return all
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimRight(string(data), "\n"), "\n")
}
