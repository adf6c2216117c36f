// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

func app() testkit.Chart {
	return testkit.Chart{Name: "app", Version: "1.2.3", Files: map[string]string{
		"values.yaml":           "replicas: 1\n",
		"templates/deploy.yaml": "a: 1",
		"templates/.hidden":     "x",
		"crds/crd.yaml":         "b: 1",
		"README.md":             "read",
	}}
}

// writeTree makes a directory of the files and returns it as a root.
func writeTree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(testkit.Folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// raw packs entries as they are, good or bad.
func raw(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	w := tar.NewWriter(zipped)
	for _, h := range headers {
		content := bytes.Repeat([]byte("\n"), int(h.Size))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg || h.Typeflag == 0 {
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestLoadArchive(t *testing.T) {
	db := testkit.Chart{Name: "db", Version: "0.1.0", Files: map[string]string{"values.yaml": "size: 1\n"}}
	outer := app()
	outer.Files["charts/db-0.1.0.tgz"] = string(db.Package(t))
	middle := testkit.Chart{Name: "middle", Version: "0.2.0", Files: map[string]string{"charts/db.tgz": string(db.Package(t))}}
	outer.Files["charts/middle.tgz"] = string(middle.Package(t))
	outer.Files["charts/_skipped.tgz"] = "not an archive"
	packed := outer.Package(t)

	got, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(packed), helmchart.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Metadata, got.Metadata); diff != "" {
		t.Errorf("metadata is what helm reads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{want.Templates, want.Files, want.Values}, []any{got.Templates, got.Files, got.Values}); diff != "" {
		t.Errorf("files are what helm reads (-want +got):\n%s", diff)
	}
	if n := len(got.Dependencies()); n != 2 || got.Dependencies()[0].Name() != "db" || got.Dependencies()[1].Dependencies()[0].Values["size"] != 1.0 {
		t.Errorf("archives in charts/ are charts: %d", n)
	}
	metadata, err := helmchart.ReadMetadata(t.Context(), bytes.NewReader(packed), helmchart.Limits{})
	if err != nil || metadata.Name != "app" || metadata.Version != "1.2.3" {
		t.Errorf("metadata alone: %+v, %v", metadata, err)
	}
}

// Archives that somebody made to do harm. Flux: source-controller contract, "Bad input", chart archive rows.
func TestLoadArchiveHostile(t *testing.T) {
	bomb := testkit.Chart{Name: "bomb", Version: "1.0.0", Files: map[string]string{"zeros": strings.Repeat("0", 600<<10)}}
	many := app()
	for i := range 8 {
		many.Files["charts/bomb"+string(rune('a'+i))+".tgz"] = string(bomb.Package(t))
	}
	deep := testkit.Chart{Name: "deep", Version: "1.0.0"}
	for range 33 {
		deep = testkit.Chart{Name: "deep", Version: "1.0.0", Files: map[string]string{"charts/deep.tgz": string(deep.Package(t))}}
	}
	limits := helmchart.Limits{ArchiveBytes: 1 << 20, ChartBytes: 2 << 20, FileBytes: 1 << 20, Files: 200}
	cases := map[string]struct {
		reason string
		packed []byte
		want   error
	}{
		"NotGzip":        {"What is no archive is no chart.", []byte("apiVersion: v2"), helmchart.ErrChart},
		"Empty":          {"Nor is nothing.", nil, helmchart.ErrChart},
		"CutOff":         {"Nor is half an archive.", app().Package(t)[:100], helmchart.ErrChart},
		"NoFiles":        {"Nor is an archive without files.", raw(t), helmchart.ErrChart},
		"NoChartYAML":    {"A chart has a Chart.yaml.", testkit.Archive(t, map[string]string{"app/values.yaml": "a: 1"}), helmchart.ErrChart},
		"FlatChartYAML":  {"It is in a directory.", testkit.Archive(t, map[string]string{"Chart.yaml": "a: 1"}), helmchart.ErrChart},
		"BadChartYAML":   {"It is YAML.", testkit.Archive(t, map[string]string{"app/Chart.yaml": "a: ["}), helmchart.ErrChart},
		"BadVersion":     {"Its version is one.", testkit.Archive(t, map[string]string{"app/Chart.yaml": "name: app\nversion: x"}), helmchart.ErrChart},
		"BadName":        {"Its name is no path.", testkit.Archive(t, map[string]string{"app/Chart.yaml": "name: ../app\nversion: 1.0.0"}), helmchart.ErrChart},
		"BadValues":      {"values.yaml is YAML.", testkit.Archive(t, map[string]string{"app/Chart.yaml": "name: app\nversion: 1.0.0", "app/values.yaml": "a: ["}), helmchart.ErrChart},
		"Parent":         {"Names do not lead out.", raw(t, tar.Header{Name: "app/../../x", Size: 1}), helmchart.ErrChart},
		"ParentWindows":  {"Not in the style of another system either.", raw(t, tar.Header{Name: "app\\..\\..\\x", Size: 1}), helmchart.ErrChart},
		"Absolute":       {"Nor are they absolute.", raw(t, tar.Header{Name: "app//etc/x", Size: 1}), helmchart.ErrChart},
		"Drive":          {"Not of another system either.", raw(t, tar.Header{Name: "app/c:/x", Size: 1}), helmchart.ErrChart},
		"Link":           {"There are no links.", raw(t, tar.Header{Name: "app/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), helmchart.ErrChart},
		"Device":         {"There are no devices.", raw(t, tar.Header{Name: "app/x", Typeflag: tar.TypeChar}), helmchart.ErrChart},
		"LargeFile":      {"A file has a limit.", raw(t, tar.Header{Name: "app/x", Size: 1<<20 + 1}), helmchart.ErrLimit},
		"LargeSum":       {"All files together have one.", raw(t, tar.Header{Name: "app/x", Size: 1 << 20}, tar.Header{Name: "app/y", Size: 1 << 20}, tar.Header{Name: "app/z", Size: 1}), helmchart.ErrLimit},
		"ManyFiles":      {"Their number has one.", raw(t, files(201)...), helmchart.ErrLimit},
		"NestedBombs":    {"Archives in the archive share it.", many.Package(t), helmchart.ErrLimit},
		"NestedDeep":     {"They are not nested without end.", deep.Package(t), helmchart.ErrLimit},
		"NestedNoGzip":   {"A nested archive is one.", testkit.Chart{Name: "app", Version: "1.0.0", Files: map[string]string{"charts/x.tgz": "no"}}.Package(t), helmchart.ErrChart},
		"HeadersForEver": {"Directories are not read without end.", raw(t, directories(6000)...), helmchart.ErrLimit},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(tc.packed), limits); !errors.Is(err, tc.want) {
				t.Errorf("%s\ngot %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

func TestLoadArchiveSize(t *testing.T) {
	_, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(app().Package(t)), helmchart.Limits{ArchiveBytes: 100})
	if !errors.Is(err, helmchart.ErrLimit) {
		t.Errorf("the archive itself has a limit: %v", err)
	}
}

func files(n int) []tar.Header {
	headers := make([]tar.Header, n)
	for i := range headers {
		headers[i] = tar.Header{Name: "app/" + strings.Repeat("f", i+1)}
	}
	return headers
}

func directories(n int) []tar.Header {
	headers := make([]tar.Header, n)
	for i := range headers {
		headers[i] = tar.Header{Name: "app/" + strings.Repeat("d", 90), Typeflag: tar.TypeDir}
	}
	return headers
}

func TestLoadDir(t *testing.T) {
	tree := app().Tree("charts/app")
	tree["charts/app/.helmignore"] = "*.md\nsecret/\n"
	tree["charts/app/secret/key"] = "x"
	tree["charts/app/charts/db-1.tgz"] = string(testkit.Chart{Name: "db", Version: "1.0.0"}.Package(t))
	root := writeTree(t, tree)
	if err := root.Symlink("crds", "charts/app/extra"); err != nil {
		t.Fatal(err)
	}
	got, err := helmchart.LoadDir(t.Context(), root, "charts/app", helmchart.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := loader.LoadDir(filepath.Join(root.Name(), "charts/app"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{want.Metadata, want.Templates, want.Files, want.Values}, []any{got.Metadata, got.Templates, got.Files, got.Values}); diff != "" {
		t.Errorf("a directory is what helm reads (-want +got):\n%s", diff)
	}
	if len(got.Dependencies()) != 1 {
		t.Error("an archive in charts/ is a dependency")
	}
	metadata, err := helmchart.ReadDirMetadata(root, "charts/app", helmchart.Limits{})
	if err != nil || metadata.Version != "1.2.3" {
		t.Errorf("metadata alone: %+v, %v", metadata, err)
	}
}

func TestLoadDirHostile(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		link   [2]string
		dir    string
		files  map[string]string
		want   error
	}{
		"Missing":      {reason: "A directory that is not there is no chart.", dir: "other", want: helmchart.ErrChart},
		"File":         {reason: "Nor is a file.", dir: "app/Chart.yaml", want: helmchart.ErrChart},
		"Above":        {reason: "Nor is what is above the root.", dir: "../x", want: fs.ErrInvalid},
		"LinkOut":      {reason: "A link does not lead out.", link: [2]string{outside, "app/templates/x"}, dir: "app", want: helmchart.ErrChart},
		"LinkUp":       {reason: "A link to a directory above itself is not followed for ever.", link: [2]string{"../..", "app/templates/x"}, dir: "app", want: helmchart.ErrChart},
		"LinkBroken":   {reason: "A link to nowhere is an error.", link: [2]string{"nowhere", "app/templates/x"}, dir: "app", want: fs.ErrNotExist},
		"LargeFile":    {reason: "A file has a limit.", files: map[string]string{"app/large": strings.Repeat("x", 2000)}, dir: "app", want: helmchart.ErrLimit},
		"LargeIgnored": {reason: "One that is left out has none.", files: map[string]string{"app/large": strings.Repeat("x", 2000), "app/.helmignore": "large"}, dir: "app"},
		"BadIgnore":    {reason: "Ignore rules have to be some.", files: map[string]string{"app/.helmignore": "**/x"}, dir: "app", want: helmchart.ErrChart},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := app().Tree("app")
			maps.Copy(tree, tc.files)
			root := writeTree(t, tree)
			if tc.link[1] != "" {
				if err := os.Symlink(tc.link[0], filepath.Join(root.Name(), tc.link[1])); err != nil {
					t.Fatal(err)
				}
			}
			_, err := helmchart.LoadDir(t.Context(), root, tc.dir, helmchart.Limits{FileBytes: 1000, Files: 200})
			if tc.want == nil && err != nil || tc.want != nil && err == nil {
				t.Fatalf("%s\ngot %v, want %v", tc.reason, err, tc.want)
			}
			if tc.want != nil && !errors.Is(tc.want, fs.ErrInvalid) && !errors.Is(err, tc.want) {
				t.Errorf("%s\ngot %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

func FuzzLoadArchive(f *testing.F) {
	f.Add([]byte("apiVersion: v2\nname: app\nversion: 1.0.0"), []byte("a: 1"), "templates/x.yaml")
	f.Add([]byte("name: app\nversion: 1.0.0\ndependencies: [null]"), []byte("a: ["), "charts/x.tgz")
	f.Add([]byte("name: 1\nversion: 2"), []byte("generated: x"), "Chart.lock")
	f.Add([]byte("name: a\nversion: v1.0.0+1"), []byte("dependencies: [{name: x}]"), "requirements.lock")
	f.Fuzz(func(t *testing.T, metadata, content []byte, name string) {
		if strings.ContainsRune(name, 0) || strings.HasSuffix(name, "/") || name == "" || name == "Chart.yaml" {
			return // no name of a second file
		}
		packed := testkit.Archive(t, map[string]string{"app/Chart.yaml": string(metadata), "app/" + name: string(content)})
		c, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(packed), helmchart.Limits{ChartBytes: 1 << 20})
		if err != nil {
			if !errors.Is(err, helmchart.ErrChart) && !errors.Is(err, helmchart.ErrLimit) {
				t.Fatalf("unforeseen error: %v", err)
			}
			return
		}
		var first, second bytes.Buffer
		if err := helmchart.Package(&first, c); err != nil {
			return
		}
		again, err := helmchart.LoadArchive(t.Context(), bytes.NewReader(first.Bytes()), helmchart.Limits{})
		if err != nil {
			t.Fatalf("what was packaged does not load: %v", err)
		}
		if err := helmchart.Package(&second, again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("a chart that was packaged once is the same when it is packaged again")
		}
	})
}
