// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
	weirkustomize "github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/testkit"
)

// changed returns the files with some replaced; an empty content removes one.
func changed(tree files, edits files) files {
	out := maps.Clone(tree)
	for name, content := range edits {
		if content == "" {
			delete(out, name)
			continue
		}
		out[name] = content
	}
	return out
}

func TestBuildReuse(t *testing.T) {
	overlay := files{
		"base/kustomization.yaml": "resources: [a.yaml]\nconfigMapGenerator: [{name: s, files: [s.txt]}]\n",
		"base/a.yaml":             configMap("a"), "base/s.txt": "1", "base/unused.yaml": configMap("u"),
		"app/kustomization.yaml": "resources: [../base]\n",
		"elsewhere/x.yaml":       configMap("x"),
	}
	generated := files{"app/a.yaml": configMap("a"), "app/sub/b.yaml": configMap("b"), "app/README.md": "1", "elsewhere/x.yaml": "1"}
	component := weirkustomize.Options{Components: []string{"../c"}, IgnoreMissingComponents: true}
	cases := map[string]struct {
		reason  string
		tree    files
		edits   files
		options weirkustomize.Options
		reused  bool
	}{
		"Same":            {reason: "The same artifact needs no build.", tree: overlay, reused: true},
		"Elsewhere":       {reason: "What was not looked at does not matter.", tree: overlay, edits: files{"elsewhere/x.yaml": "2", "new.yaml": "1"}, reused: true},
		"UnusedFile":      {reason: "A file beside those used does not matter.", tree: overlay, edits: files{"base/unused.yaml": "2"}, reused: true},
		"Base":            {reason: "A base matters.", tree: overlay, edits: files{"base/a.yaml": configMap("z")}},
		"GeneratorSource": {reason: "A file of a generator matters.", tree: overlay, edits: files{"base/s.txt": "2"}},
		"KustomizationFile": {
			reason: "The kustomization file matters.", tree: overlay,
			edits: files{"app/kustomization.yaml": "resources: [../base]\nnamePrefix: x-\n"},
		},
		"SecondKustomizationFile": {
			reason: "A second kustomization file makes the build fail.", tree: overlay,
			edits: files{"base/Kustomization": "resources: [a.yaml]\n"},
		},
		"GeneratedElsewhere": {reason: "Files outside the path do not matter.", tree: generated, edits: files{"elsewhere/x.yaml": "2"}, reused: true},
		"GeneratedReadme":    {reason: "The content of files that are not built does not matter.", tree: generated, edits: files{"app/README.md": "2"}, reused: true},
		"GeneratedNewFile":   {reason: "A new file matters.", tree: generated, edits: files{"app/sub/c.yaml": configMap("c")}},
		"GeneratedRemoved":   {reason: "A file that is gone matters.", tree: generated, edits: files{"app/sub/b.yaml": ""}},
		"GeneratedNowOverlay": {
			reason: "A kustomization file that appears matters.", tree: generated,
			edits: files{"app/sub/kustomization.yaml": "resources: [b.yaml]\nnamePrefix: x-\n"},
		},
		"ComponentAppears": {
			reason: "A missing component that appears matters.", tree: generated, options: component,
			edits: files{"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\n"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.options.CacheKey = "ns/app"
			builder := newBuilder(t)
			if _, err := builder.Build(t.Context(), openTree(t, tc.tree), "app", tc.options); err != nil {
				t.Fatal(err)
			}
			next := changed(tc.tree, tc.edits)
			got, err := builder.Build(t.Context(), openTree(t, next), "app", tc.options)
			fresh, freshErr := newBuilder(t).Build(t.Context(), openTree(t, next), "app", tc.options)
			if (err == nil) != (freshErr == nil) {
				t.Fatalf("%s got %v, a fresh build %v", tc.reason, err, freshErr)
			}
			if err != nil {
				if tc.reused {
					t.Fatal(err)
				}
				return
			}
			if got.Reused != tc.reused {
				t.Errorf("%s reused = %v", tc.reason, got.Reused)
			}
			if diff := cmp.Diff(fresh.Objects, got.Objects); diff != "" {
				t.Errorf("%s differs from a fresh build: %s", tc.reason, diff)
			}
		})
	}
}

func TestBuildReuseScope(t *testing.T) {
	builder := newBuilder(t)
	tree := openTree(t, files{"a.yaml": configMap("a")})
	build := func(o weirkustomize.Options) bool {
		t.Helper()
		out, err := builder.Build(t.Context(), tree, "", o)
		if err != nil {
			t.Fatal(err)
		}
		return out.Reused
	}
	build(weirkustomize.Options{CacheKey: "one"})
	cases := map[string]struct {
		reason  string
		options weirkustomize.Options
		reused  bool
	}{
		"Again":   {reason: "The same question has the same answer.", options: weirkustomize.Options{CacheKey: "one"}, reused: true},
		"Options": {reason: "Other options are another build.", options: weirkustomize.Options{CacheKey: "one", NamePrefix: "x"}},
		"Line":    {reason: "Another line is another build.", options: weirkustomize.Options{CacheKey: "two"}},
		"None":    {reason: "Without a key nothing is kept.", options: weirkustomize.Options{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := build(tc.options); got != tc.reused {
				t.Errorf("%s reused = %v", tc.reason, got)
			}
		})
	}
}

func TestBuildRemoteNotReused(t *testing.T) {
	name := "one"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(configMap(name)))
	}))
	defer server.Close()
	cases := map[string]struct {
		reason string
		tree   files
	}{
		"Resource": {reason: "A remote file may change at any time.", tree: files{"kustomization.yaml": "resources: [" + server.URL + "/a.yaml]\n"}},
		"Transformer": {
			reason: "So may one that a transformer loads.",
			tree: files{
				"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n", "a.yaml": configMap("a"),
				"t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: " + server.URL + "/p\ntarget: {kind: ConfigMap}\noptions: {allowNameChange: true}\n",
			},
		},
	}
	for caseName, tc := range cases {
		t.Run(caseName, func(t *testing.T) {
			builder := newBuilder(t)
			tree := openTree(t, tc.tree)
			options := weirkustomize.Options{CacheKey: "x", AllowRemoteBases: true}
			for _, want := range []string{"one", "two"} {
				name = want
				out, err := builder.Build(t.Context(), tree, "", options)
				if err != nil {
					t.Fatal(err)
				}
				if out.Reused || out.Objects[0].Name != want {
					t.Errorf("%s got %s, reused = %v, want %s", tc.reason, out.Objects[0].Name, out.Reused, want)
				}
			}
		})
	}
}

func TestBuildEnds(t *testing.T) {
	gate := make(chan struct{})
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-gate
	}))
	defer server.Close()
	builder := newBuilder(t)
	release := sync.OnceFunc(func() { close(gate) })
	defer release()
	tree := openTree(t, files{"kustomization.yaml": "resources: [" + server.URL + "/a.yaml]\n"})
	over := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := builder.Build(ctx, tree, "", weirkustomize.Options{AllowRemoteBases: true, Done: func() { close(over) }}); err == nil {
		t.Error("a hung server must not hold the caller")
	}
	select {
	case <-over:
		t.Error("a build that goes on is not over")
	default:
	}
	out, err := builder.Build(t.Context(), openTree(t, files{"a.yaml": configMap("a")}), "", weirkustomize.Options{})
	if err != nil || len(out.Objects) != 1 {
		t.Errorf("beside a hung build: %v", err)
	}
	release()
	<-over
}

// TestBuildDone says once of every build when it is over.
func TestBuildDone(t *testing.T) {
	builder := newBuilder(t)
	for _, tc := range []struct {
		reason string
		tree   files
		path   string
	}{
		{reason: "A build.", tree: files{"a.yaml": configMap("a")}},
		{reason: "One that is there already.", tree: files{"a.yaml": configMap("a")}},
		{reason: "One that fails.", tree: files{"a.yaml": "kind: {"}},
		{reason: "One that does not begin.", tree: files{"a.yaml": configMap("a")}, path: "absent"},
		{reason: "One that is repeated alone.", tree: files{"kustomization.yaml": "resources: [app.yaml]\nopenapi: {path: schema.json}\n" + customPatch, "app.yaml": customApp, "schema.json": customSchema}},
	} {
		over := make(chan struct{})
		_, err := builder.Build(t.Context(), openTree(t, tc.tree), tc.path, weirkustomize.Options{CacheKey: "x", Done: func() { close(over) }})
		t.Log(tc.reason, err)
		<-over // which panics when it is closed twice
	}
}

// TestBuildApart lets a build with a schema of its own wait for a server: others are not held up, and it gets what the server has.
func TestBuildApart(t *testing.T) {
	weirkustomize.BoundRemotes()
	gate, asked := make(chan struct{}), make(chan struct{})
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		close(asked)
		<-gate
		_, _ = w.Write([]byte(configMap("remote")))
	}))
	defer server.Close()
	builder := newBuilder(t)
	tree := openTree(t, files{
		"kustomization.yaml": "resources: [app.yaml, " + server.URL + "/a.yaml]\nopenapi: {path: schema.json}\n" + customPatch,
		"app.yaml":           customApp, "schema.json": customSchema,
	})
	var out *weirkustomize.Output
	var err error
	var done sync.WaitGroup
	done.Go(func() {
		out, err = builder.Build(t.Context(), tree, "", weirkustomize.Options{AllowRemoteBases: true})
	})
	<-asked
	for range 3 {
		beside, err := builder.Build(t.Context(), openTree(t, files{"a.yaml": configMap("a")}), "", weirkustomize.Options{})
		if err != nil || len(beside.Objects) != 1 {
			t.Errorf("beside a build that waits for its server: %v", err)
		}
	}
	close(gate)
	done.Wait()
	if err != nil || len(out.Objects) != 2 || out.Objects[1].Name != "remote" || requests.Load() != 1 {
		t.Fatalf("got %+v after %d requests, %v", out, requests.Load(), err)
	}
}

// TestBuildApartMany refers to more files than there are rounds, at the first of which without content the engine stops.
func TestBuildApartMany(t *testing.T) {
	weirkustomize.BoundRemotes()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	const many = 30
	kustomization := "resources: [app.yaml]\nopenapi: {path: schema.json}\n" + customPatch + "\ncrds:\n"
	for i := range many {
		kustomization += fmt.Sprintf("- %s/%d.json\n", server.URL, i)
	}
	tree := openTree(t, files{"kustomization.yaml": kustomization, "app.yaml": customApp, "schema.json": customSchema})
	out, err := newBuilder(t).Build(t.Context(), tree, "", weirkustomize.Options{AllowRemoteBases: true})
	if err != nil || len(out.Objects) != 1 || requests.Load() != many {
		t.Fatalf("got %+v after %d requests, %v", out, requests.Load(), err)
	}
}

func TestBuildCacheBound(t *testing.T) {
	builder, err := weirkustomize.NewBuilder(weirkustomize.BuilderOptions{MaxCacheBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	tree := openTree(t, files{"a.yaml": configMap("a")})
	build := func(key int) bool {
		t.Helper()
		out, err := builder.Build(t.Context(), tree, "", weirkustomize.Options{CacheKey: fmt.Sprint(key)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Reused
	}
	for key := range 20 {
		build(key)
	}
	if build(0) {
		t.Error("the output that was not used for longest is still there")
	}
	if !build(19) {
		t.Error("the latest output is gone")
	}
}

// fleet is a tree of a hundred applications of ten ConfigMaps each.
func fleet() files {
	tree := files{}
	for app := range 100 {
		for i := range 10 {
			tree[fmt.Sprintf("apps/app-%03d/cm-%d.yaml", app, i)] = configMap(fmt.Sprintf("app-%03d-%d", app, i))
		}
	}
	return tree
}

// BenchmarkBuild renders one application of ten ConfigMaps out of a hundred, with the schema warm.
func BenchmarkBuild(b *testing.B) {
	tree := openTree(b, fleet())
	builder := newBuilder(b)
	build(b, builder, tree, 0, "")
	b.ResetTimer()
	defer reportCPU(b)()
	for i := 0; b.Loop(); i++ {
		build(b, builder, tree, i%100, "")
	}
}

// BenchmarkBuildReused asks for an application that did not change in a new artifact.
func BenchmarkBuildReused(b *testing.B) {
	builder := newBuilder(b)
	trees := []*fetch.Tree{openTree(b, fleet()), openTree(b, changed(fleet(), files{"apps/app-099/cm-1.yaml": configMap("x")}))}
	for app := range 99 {
		build(b, builder, trees[0], app, "line")
	}
	b.ResetTimer()
	defer reportCPU(b)()
	for i := 0; b.Loop(); i++ {
		if !build(b, builder, trees[i%2], i%99, "line") {
			b.Fatal("not reused")
		}
	}
}

// BenchmarkBuildParallel renders on all processors.
func BenchmarkBuildParallel(b *testing.B) {
	tree := openTree(b, fleet())
	builder := newBuilder(b)
	build(b, builder, tree, 0, "")
	b.ResetTimer()
	defer reportCPU(b)()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			build(b, builder, tree, i%100, "")
		}
	})
}

// reportCPU adds the processor time of all threads, which unlike the time on the wall does not depend
// on what else the machine does. Call the result at the end.
func reportCPU(b *testing.B) func() {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

func build(b *testing.B, builder *weirkustomize.Builder, tree *fetch.Tree, app int, key string) bool {
	b.Helper()
	out, err := builder.Build(b.Context(), tree, fmt.Sprintf("./apps/app-%03d", app), weirkustomize.Options{CacheKey: key})
	if err != nil {
		b.Fatal(err)
	}
	return out.Reused
}

func TestBuildRemoteBase(t *testing.T) {
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("the engine clones with the git program")
	}
	repositories := testkit.NewGitServer(t)
	repositories.Commit(t, "base", "main", "one", map[string]string{
		"app/kustomization.yaml": "resources: [a.yaml]\n", "app/a.yaml": configMap("a"),
	})
	t.Setenv("TMPDIR", t.TempDir())
	// The engine's shallow fetch wants the real thing.
	server := httptest.NewServer(&cgi.Handler{
		Stderr: io.Discard, Path: program, Args: []string{"http-backend"},
		Env: []string{"GIT_PROJECT_ROOT=" + repositories.Root(), "GIT_HTTP_EXPORT_ALL=1"},
	})
	defer server.Close()
	tree := openTree(t, files{"kustomization.yaml": "namePrefix: x-\nresources: [\"" + server.URL + "/base//app?ref=main\"]\n"})
	builder := newBuilder(t)
	for range 2 {
		out, err := builder.Build(t.Context(), tree, "", weirkustomize.Options{CacheKey: "x", AllowRemoteBases: true})
		if err != nil {
			t.Fatal(err)
		}
		if out.Reused || len(out.Objects) != 1 || out.Objects[0].Name != "x-a" {
			t.Errorf("a remote base gives %+v, reused = %v", out.Objects, out.Reused)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "kustomize-*")); len(left) > 0 {
		t.Errorf("clones were left: %v", left)
	}
}
