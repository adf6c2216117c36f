// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/testkit"
)

// A chart follows the index of its repository without waiting for its interval, and costs nothing while nothing moves.
func TestHelmChartFromRepository(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"), app("2.0.0-rc.1"))
	f.chart("c", func(o *sourcev1.HelmChart) { o.Spec.Version = "1.x" })
	await(f, "c", "its source to be missing", func(o *sourcev1.HelmChart) bool {
		return conditions.GetReason(o, sourcev1.FetchFailedCondition) == sourcev1.SourceUnavailableReason
	})
	f.repository()
	o := f.version("c", "1.0.0")

	const pulled = "pulled 'app' chart with version '1.0.0'"
	b := f.checkPublished(o, "helmchart", published{
		file: "app-1.0.0.tgz", revision: "1.0.0", link: "latest.tar.gz", url: o.Status.URL, stored: "True ChartPullSucceeded: " + pulled,
	})
	if !bytes.Equal(b, app("1.0.0").Package(t)) || o.Status.ObservedChartName != "app" {
		t.Error("a chart that nothing is changed of is published as it is")
	}
	if got := f.announced(o, sourcev1.ChartPullSucceededReason); got != pulled {
		t.Errorf("event %s", got)
	}
	if o.Status.ObservedSourceArtifactRevision != f.readyRepository().Status.Artifact.Revision {
		t.Errorf("observed %s", o.Status.ObservedSourceArtifactRevision)
	}

	f.recorded(o)
	f.recorded(f.readyRepository())
	f.helm.Take()
	f.requests.Settle(t)
	f.requestChart("c")
	if requests, _ := f.helm.Take(); len(requests) > 0 {
		t.Errorf("requests of a run without news: %v", requests)
	}
	if counts := f.requests.Spent(t); runs(counts) != 2 || writes(counts) != 1 {
		testkit.Log(t, counts)
		t.Error("a forced run without news costs one status write, and one event")
	}

	f.helm.Add(t, app("1.1.0"))
	f.requestRepository()
	f.version("c", "1.1.0")
	if requests, _ := f.helm.Take(); !slices.Equal(requests, []string{"GET /index.yaml 200", "GET /app-1.1.0.tgz 200"}) {
		t.Errorf("requests of a new version: %v", requests)
	}
	if diff := cmp.Diff([]string{"app-1.0.0.tgz", "app-1.1.0.tgz", "latest.tar.gz"}, f.kept("helmchart", "c")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	remove[sourcev1.HelmChart](f, "c")
	if left, err := filepath.Glob(filepath.Join(f.storage, ".state", "*", "helmchart", f.namespace, "c")); err != nil || len(left) > 0 || len(f.kept("helmchart", "c")) > 0 {
		t.Errorf("files stay: %v, %v", left, err)
	}
}

// A chart that its repository does not list waits for an index that does.
func TestHelmChartAppears(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, testkit.Chart{Name: "other", Version: "1.0.0"})
	f.repository()
	f.chart("c")
	await(f, "c", "Stalled", func(o *sourcev1.HelmChart) bool {
		return conditions.GetReason(o, meta.StalledCondition) == sourcev1.InvalidChartReferenceReason
	})
	f.helm.Add(t, app("1.0.0"))
	f.requestRepository()
	f.version("c", "1.0.0")

	// Observed without success, a generation says nothing about the chart that is still there.
	f.helm.Add(t, testkit.Chart{Name: "late", Version: "0.1.0"})
	edit(f, "c", func(o *sourcev1.HelmChart) { o.Spec.Chart, o.Spec.Version = "other", "2.0.0" })
	await(f, "c", "Stalled", func(o *sourcev1.HelmChart) bool { return conditions.IsStalled(o) })
	f.helm.Add(t, testkit.Chart{Name: "other", Version: "2.0.0"})
	f.requestRepository()
	if o := f.version("c", "2.0.0"); o.Status.ObservedChartName != "other" {
		t.Errorf("status %+v", o.Status)
	}
}

// The table of an index can be lost at any time.
func TestHelmChartTableLost(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	f.readyRepository()
	tables, err := filepath.Glob(filepath.Join(f.storage, ".state", "index", "helmrepository", f.namespace, "charts", "table-*"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	table := tables[0]
	for i, damage := range []func() error{
		func() error { return os.Remove(table) },
		func() error { return os.WriteFile(table, []byte("x"), 0o600) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		name := "c" + strconv.Itoa(i)
		f.chart(name)
		f.version(name, "1.0.0")
	}
	if requests, _ := f.helm.Take(); !slices.Equal(requests, []string{"GET /index.yaml 200", "GET /app-1.0.0.tgz 200", "GET /app-1.0.0.tgz 200"}) {
		t.Errorf("requests %v", requests)
	}
}

func TestHelmChartFromRegistry(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{Username: "user", Password: "hunter2"})
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	for _, version := range []string{"1.0.0", "1.1.0+build.1", "2.0.0"} {
		registry.PushChart(t, "charts/app", version, app(version).Package(t))
	}
	f.cluster.Create(t, testkit.DockerSecret(f.namespace, "docker", registry.DockerConfig()),
		testkit.Secret(f.namespace, "basic", map[string]string{"username": "user", "password": "hunter2"}))
	f.repository(func(o *sourcev1.HelmRepository) {
		o.Spec.Type, o.Spec.URL, o.Spec.SecretRef = sourcev1.HelmRepositoryTypeOCI, registry.URL+"/charts", named("docker")
	})
	f.chart("range", func(o *sourcev1.HelmChart) { o.Spec.Version = "1.x" })
	f.chart("exact", func(o *sourcev1.HelmChart) { o.Spec.Version = "1.0.0" })
	f.chart("newest")
	if o := f.version("range", "1.1.0+build.1"); o.Status.Artifact.Path != "helmchart/"+f.namespace+"/range/app-1.1.0+build.1.tgz" ||
		!bytes.Equal(f.download(o.Status.Artifact), app("1.1.0+build.1").Package(t)) {
		t.Errorf("artifact %+v", o.Status.Artifact)
	}
	f.version("exact", "1.0.0")
	f.version("newest", "2.0.0")

	registry.Take()
	f.requests.Settle(t)
	f.requestChart("exact")
	if n := testkit.Total(f.requests.Take(), "secrets"); n > 0 {
		t.Errorf("a run that asks for nothing reads %d Secrets", n)
	}
	if requests := registry.Take(); len(requests) > 0 {
		t.Errorf("an exact version that is published is not asked for: %v", requests)
	}
	f.requestChart("range")
	if requests := registry.Take(); slices.ContainsFunc(requests, func(r string) bool { return !strings.Contains(r, "/tags/list") }) || len(requests) != 1 {
		t.Errorf("a range costs a list: %v", requests)
	}
	// The repository has no artifact; its charts see a change of it all the same.
	edit(f, "charts", func(o *sourcev1.HelmRepository) { o.Spec.SecretRef = named("basic") })
	f.chart("missing", func(o *sourcev1.HelmChart) { o.Spec.Version = "9.9.9" })
	await(f, "missing", "ChartPullError", func(o *sourcev1.HelmChart) bool {
		return conditions.GetReason(o, sourcev1.FetchFailedCondition) == sourcev1.ChartPullErrorReason && !conditions.IsStalled(o)
	})
	registry.PushChart(t, "charts/app", "9.9.9", app("9.9.9").Package(t))
	f.version("missing", "9.9.9")
	if o := read[sourcev1.HelmRepository](f, "charts"); len(o.Status.Conditions) > 0 || len(o.Finalizers) > 0 {
		t.Errorf("a registry has no status: %+v", o.Status)
	}
}

// Charts in a Git tree: by version or by revision, packed or not.
func TestHelmChartFromGit(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	tree := app("1.0.0").Tree("charts/app")
	tree["charts/packed.tgz"] = string(testkit.Chart{Name: "packed", Version: "3.0.0"}.Package(t))
	tree["charts/app/.helmignore"] = "*.md\n"
	tree["charts/app/README.md"] = "read"
	first := f.commit("first", tree)
	f.create(func(o *sourcev1.GitRepository) { o.Spec.Ignore = new("!*.tar.gz\n") })
	f.chart("byversion", fromGit("./charts/app"))
	f.chart("byrevision", fromGit("charts/app"), func(o *sourcev1.HelmChart) { o.Spec.ReconcileStrategy = sourcev1.ReconcileStrategyRevision })
	f.chart("packed", fromGit("/charts/packed.tgz"))

	o := f.version("byversion", "1.0.0")
	if got, want := testkit.Condition(o, meta.ReadyCondition), "True ChartPackageSucceeded: packaged 'app' chart with version '1.0.0'"; got != want {
		t.Errorf("Ready %s, want %s", got, want)
	}
	if o.Status.ObservedSourceArtifactRevision != "main@sha1:"+first {
		t.Errorf("observed %s", o.Status.ObservedSourceArtifactRevision)
	}
	c := f.load(o)
	if c.Metadata.Version != "1.0.0" || len(c.Templates) != 1 || hasFile(c, "README.md") {
		t.Errorf("chart %+v", c.Metadata)
	}
	f.version("byrevision", "1.0.0+"+first[:12])
	packed := f.version("packed", "3.0.0")
	if !bytes.Equal(f.download(packed.Status.Artifact), []byte(tree["charts/packed.tgz"])) {
		t.Error("a packed chart is published as it is")
	}
	digest := o.Status.Artifact.Digest

	// The content changes, the version does not.
	next := maps.Clone(tree)
	next["charts/app/templates/cm.yaml"] = "a: 2"
	second := f.commit("second", next)
	f.request()
	f.version("byrevision", "1.0.0+"+second[:12])
	o = await(f, "byversion", "the new revision", func(o *sourcev1.HelmChart) bool {
		return o.Status.ObservedSourceArtifactRevision == "main@sha1:"+second && conditions.IsReady(o)
	})
	if o.Status.Artifact.Digest != digest {
		t.Error("a chart of the same version is not made again")
	}
	// The version does.
	maps.Copy(next, app("1.1.0").Tree("charts/app"))
	f.commit("third", next)
	f.request()
	f.version("byversion", "1.1.0")

	// The same tree gives the same bytes elsewhere and later.
	f.chart("again", fromGit("charts/app"))
	if a, b := f.version("again", "1.1.0").Status.Artifact, f.version("byversion", "1.1.0").Status.Artifact; a.Digest != b.Digest {
		t.Errorf("digests %s and %s", a.Digest, b.Digest)
	}
}

// Values files are merged into the chart, which gets another version by that.
func TestHelmChartValuesFiles(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	tree := app("2.0.0").Tree("charts/app")
	tree["env/staging.yaml"] = "image: {tag: b}\n"
	hash := f.commit("first", tree)
	f.create()
	f.chart("repository", func(o *sourcev1.HelmChart) { o.Spec.ValuesFiles = []string{"values.yaml", "prod.yaml"} })
	f.chart("defaults", func(o *sourcev1.HelmChart) { o.Spec.ValuesFiles = []string{"values.yaml"} })
	f.chart("tree", fromGit("charts/app"), func(o *sourcev1.HelmChart) {
		o.Spec.ValuesFiles = []string{"charts/app/values.yaml", "env/none.yaml", "../../env/staging.yaml"}
		o.Spec.IgnoreMissingValuesFiles = true
		o.Spec.ReconcileStrategy = sourcev1.ReconcileStrategyRevision
	})

	o := f.version("repository", "1.0.0+1")
	want := "True ChartPackageSucceeded: packaged 'app' chart with version '1.0.0+1' and merged values files [values.yaml prod.yaml]"
	if got := testkit.Condition(o, meta.ReadyCondition); got != want || o.Status.ObservedValuesFiles != nil {
		t.Errorf("Ready %s, want %s", got, want)
	}
	values := f.load(o).Values
	if diff := cmp.Diff(map[string]any{"replicas": 3.0, "image": map[string]any{"tag": "a"}}, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	o = f.version("defaults", "1.0.0")
	if !bytes.Equal(f.download(o.Status.Artifact), app("1.0.0").Package(t)) {
		t.Error("the values that a chart has anyway change nothing")
	}
	o = f.version("tree", "2.0.0+"+hash[:12]+".1")
	if diff := cmp.Diff([]string{"charts/app/values.yaml", "../../env/staging.yaml"}, o.Status.ObservedValuesFiles); diff != "" {
		t.Errorf("observed values files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"replicas": 1.0, "image": map[string]any{"tag": "b"}}, f.load(o).Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	edit(f, "tree", func(o *sourcev1.HelmChart) { o.Spec.ValuesFiles, o.Spec.IgnoreMissingValuesFiles = nil, false })
	if o = f.version("tree", "2.0.0+"+hash[:12]); o.Status.ObservedValuesFiles != nil {
		t.Errorf("observed values files %v", o.Status.ObservedValuesFiles)
	}
}

// An umbrella chart gets what it lists: from its tree, from a repository that is known or not, and from a registry.
func TestHelmChartDependencies(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{Username: "user", Password: "hunter2"})
	f.helm.Add(t, testkit.Chart{Name: "known", Version: "1.2.0"}, testkit.Chart{Name: "known", Version: "2.0.0"})
	open := testkit.NewHelmServer(t, testkit.HelmServerOptions{})
	open.Add(t, testkit.Chart{Name: "open", Version: "0.3.0"}, testkit.Chart{Name: "more", Version: "0.4.0"})
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushChart(t, "charts/tagged", "4.5.6", testkit.Chart{Name: "tagged", Version: "4.5.6"}.Package(t))
	f.cluster.Create(t, testkit.Secret(f.namespace, "basic", map[string]string{"username": "user", "password": "hunter2"}))
	f.repository(func(o *sourcev1.HelmRepository) { o.Spec.SecretRef = named("basic") })
	f.chart("seen", func(o *sourcev1.HelmChart) { o.Spec.Chart = "known" }) // by the controller, with its index
	f.version("seen", "2.0.0")
	f.helm.Take()

	umbrella := testkit.Chart{Name: "umbrella", Version: "1.0.0", Dependencies: []string{
		"{name: local, version: ~0.1, repository: file://../local}",
		"{name: known, version: 1.x, repository: " + f.helm.URL + "/}",
		"{name: open, version: '*', repository: " + open.URL + "}",
		"{name: more, version: '*', repository: " + open.URL + ", alias: renamed}",
		"{name: tagged, version: 4.x, repository: " + registry.URL + "/charts}",
	}}
	tree := umbrella.Tree("charts/umbrella")
	maps.Copy(tree, testkit.Chart{Name: "local", Version: "0.1.5"}.Tree("charts/local"))
	f.commit("first", tree)
	f.create()
	f.chart("c", fromGit("charts/umbrella"))
	c := f.load(f.version("c", "1.0.0"))
	var got []string
	for _, d := range c.Dependencies() {
		got = append(got, d.Name()+" "+d.Metadata.Version)
	}
	if diff := cmp.Diff([]string{"known 1.2.0", "local 0.1.5", "open 0.3.0", "renamed 0.4.0", "tagged 4.5.6"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if requests, logins := f.helm.Take(); !slices.Equal(requests, []string{"GET /known-1.2.0.tgz 200"}) || !slices.Equal(logins, []string{"user"}) {
		t.Errorf("the index of a known repository is at hand: %v by %v", requests, logins)
	}
	requests, logins := open.Take()
	if slices.Sort(requests); !slices.Equal(requests, []string{"GET /index.yaml 200", "GET /more-0.4.0.tgz 200", "GET /open-0.3.0.tgz 200"}) ||
		slices.Contains(logins, "user") {
		t.Errorf("the index of another is read once: %v by %v", requests, logins)
	}
}

// When all that was stored is lost, a chart comes back as soon as its repository has, without waiting for its interval.
func TestHelmChartStorage(t *testing.T) {
	f := newHelmFixture(t, testkit.HelmServerOptions{})
	f.helm.Add(t, app("1.0.0"))
	f.repository()
	f.chart("c")
	a := f.version("c", "1.0.0").Status.Artifact
	f.stop()
	for _, name := range []string{"helmchart", "helmrepository", ".state"} {
		if err := os.RemoveAll(filepath.Join(f.storage, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.start()
	testkit.Eventually(t, "the chart to be back", func() bool {
		_, err := os.Stat(filepath.Join(f.storage, a.Path))
		return err == nil
	})
	if again := f.version("c", "1.0.0").Status.Artifact; again.Digest != a.Digest {
		t.Errorf("digest %s, want %s", again.Digest, a.Digest)
	}
}

func hasFile(c *helmchart.Chart, name string) bool {
	_, err := helmchart.File(c, name)
	return err == nil
}
