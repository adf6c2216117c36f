// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fluxcd/pkg/apis/kustomize"
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
	weirkustomize "github.com/weir-gitops/weir/kit/kustomize"
)

// files are the content of an artifact by path; a trailing slash makes an empty directory.
type files map[string]string

func writeFiles(tb testing.TB, tree files) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, content := range tree {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o700); err != nil {
				tb.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func openTree(tb testing.TB, tree files) *fetch.Tree {
	tb.Helper()
	opened, err := fetch.OpenDir(writeFiles(tb, tree))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(opened.Release)
	return opened
}

func newBuilder(tb testing.TB) *weirkustomize.Builder {
	tb.Helper()
	b, err := weirkustomize.NewBuilder(weirkustomize.BuilderOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

func configMap(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: default\ndata:\n  key: \"1\"\n", name)
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels: {app: app}
spec:
  replicas: 1
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - name: app
        image: ghcr.io/acme/app:1.0
        envFrom: [{configMapRef: {name: settings}}]
      - name: side
        image: side:1
`

// oracle renders the way the reference does: with the Flux library around the plain engine, on disk.
func oracle(t *testing.T, tree files, path string, o weirkustomize.Options) ([]byte, error) {
	t.Helper()
	dir := writeFiles(t, tree)
	spec := map[string]any{}
	text, err := json.Marshal(map[string]any{
		"targetNamespace": o.TargetNamespace, "namePrefix": o.NamePrefix, "nameSuffix": o.NameSuffix,
		"components": o.Components, "ignoreMissingComponents": o.IgnoreMissingComponents,
		"patches": o.Patches, "images": o.Images, "buildMetadata": o.BuildMetadata,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	for key, value := range spec {
		if value == nil || value == "" {
			delete(spec, key)
		}
	}
	target := filepath.Join(dir, path)
	generator := fluxkustomize.NewGenerator(dir, unstructured.Unstructured{Object: map[string]any{"spec": spec}})
	if _, err := generator.WriteFile(target); err != nil {
		return nil, err
	}
	m, err := fluxkustomize.SecureBuild(dir, target, o.AllowRemoteBases)
	if err != nil {
		return nil, err
	}
	return m.AsYaml()
}

func yamlOf(t *testing.T, objects []weirkustomize.Object) []byte {
	t.Helper()
	var docs [][]byte
	for _, object := range objects {
		doc, err := object.YAML()
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return bytes.Join(docs, []byte("---\n"))
}

// crd is a custom resource definition as openapi.path of a kustomization file wants it.
const customSchema = `{"definitions": {"io.acme.v1.App": {"properties": {
  "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
  "spec": {"properties": {"parts": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}},
    "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}},
  "x-kubernetes-group-version-kind": [{"group": "acme.io", "kind": "App", "version": "v1"}]}}}`

const customApp = `apiVersion: acme.io/v1
kind: App
metadata: {name: app}
spec: {parts: [{name: a, size: 1}, {name: b, size: 2}]}
`

const customPatch = `patches:
- patch: |
    apiVersion: acme.io/v1
    kind: App
    metadata: {name: app}
    spec: {parts: [{name: b, size: 3}]}
`

// rendered are builds whose bytes must be those of the engine.
//
//nolint:gochecknoglobals // a table that several tests read
var rendered = map[string]struct {
	reason  string
	tree    files
	path    string
	options weirkustomize.Options
}{
	"Generated": {
		reason: "Without a kustomization file everything below the path counts, hidden files too.",
		tree: files{
			"app/b.yaml": configMap("b"), "app/a.yml": configMap("a"), "app/.hidden/c.yaml": configMap("c"),
			"app/README.md": "hello", "app/sub/kustomization.yaml": "resources: [x.yaml]\nnamePrefix: sub-\n",
			"app/sub/x.yaml": configMap("x"), "app/sub/ignored.yaml": "a: [", "app/sub.yaml": deployment, "other.yaml": "a: [",
		},
		path: "app",
	},
	"GeneratedWithOptions": {
		reason: "The options apply to a generated file.",
		tree:   files{"deploy.yaml": deployment, "settings.yaml": configMap("settings")},
		path:   "./",
		options: weirkustomize.Options{
			TargetNamespace: "prod", NamePrefix: "x-", NameSuffix: "-y",
			Patches: []kustomize.Patch{
				{Patch: "- op: replace\n  path: /spec/replicas\n  value: 3\n", Target: &kustomize.Selector{Kind: "Deployment"}},
				{Patch: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n      containers:\n      - name: side\n        image: other:2\n"},
				{Patch: "[{\"op\": \"remove\", \"path\": \"/data\"}]", Target: &kustomize.Selector{Kind: "Secret", LabelSelector: "a=b"}},
			},
			Images:        []kustomize.Image{{Name: "ghcr.io/acme/app", NewTag: "2.0"}},
			BuildMetadata: []string{"originAnnotations", "transformerAnnotations"},
		},
	},
	"Overlay": {
		reason: "An overlay may use directories beside it; generators, hashes and name references work.",
		tree: files{
			"base/kustomization.yaml": "resources: [deploy.yaml]\nconfigMapGenerator:\n- name: settings\n  files: [a.txt]\n  literals: [u=http://x]\n",
			"base/deploy.yaml":        deployment, "base/a.txt": "hello $v",
			"prod/kustomization.yaml": "namespace: prod\nresources: [../base]\nunknownKey: 1\nimages:\n- name: side\n  newTag: \"9\"\n- name: ghcr.io/acme/app\n  newName: mirror/app\n  digest: sha256:" + strings.Repeat("a", 64) + "\n",
		},
		path:    "prod",
		options: weirkustomize.Options{Images: []kustomize.Image{{Name: "ghcr.io/acme/app", NewTag: "3"}, {Name: "side"}, {Name: "none", NewName: "x"}}},
	},
	"Components": {
		reason: "Components of the options come after those of the file; missing ones may be ignored.",
		tree: files{
			"app/Kustomization":       "resources: [deploy.yaml]\ncomponents: [../c1]\n",
			"app/deploy.yaml":         deployment,
			"c1/kustomization.yaml":   "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: one-\n",
			"c2/kustomization.yaml":   "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -two\n",
			"app/unused/missing.yaml": "a: [",
		},
		path:    "app",
		options: weirkustomize.Options{Components: []string{"../c2", "../missing"}, IgnoreMissingComponents: true},
	},
	"NoResources": {
		reason: "A file without resources gets origin annotations.",
		tree:   files{"kustomization.yml": "configMapGenerator:\n- name: x\n  literals: [a=b]\n"},
	},
	"SortOptions": {
		reason: "The order asked for in the file is kept.",
		tree: files{
			"kustomization.yaml": "resources: [a.yaml]\nsortOptions: {order: legacy}\n",
			"a.yaml":             deployment + "---\n" + configMap("z") + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n",
		},
	},
	"Transformers": {
		reason: "Built-in transformers, replacements, labels and JSON patches from files work.",
		tree: files{
			"kustomization.yaml": "resources: [deploy.yaml, cm.yaml]\ntransformers: [t.yaml]\nlabels: [{pairs: {team: a}, includeSelectors: true}]\n" +
				"replacements:\n- source: {kind: ConfigMap, name: cm, fieldPath: data.key}\n  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.key], options: {create: true}}]\n" +
				"patches: [{path: p.json, target: {kind: Deployment}}]\nreplicas: [{name: app, count: 4}]\n",
			"t.yaml":      "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: t}\nprefix: t-\nfieldSpecs: [{path: metadata/name}]\n",
			"p.json":      `[{"op": "add", "path": "/metadata/annotations", "value": {"a": "https://x.y"}}]`,
			"deploy.yaml": deployment, "cm.yaml": configMap("cm"),
		},
	},
	"Aliases": {
		reason: "Anchors, aliases and merge keys are expanded.",
		tree: files{
			"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, labels: {x: \"y\"}}\ndata: &d {a: \"1\"}\nbinaryData:\n  <<: *d\nmore: [*m, *m]\n",
		},
	},
	"Values": {
		reason: "Numbers, booleans and strings that look like them survive.",
		tree: files{"a.yaml": "apiVersion: acme.io/v1\nkind: Thing\nmetadata: {name: t}\nspec:\n  int: 12345678901234\n  float: 1.50\n  exp: 1e3\n" +
			"  yes: yes\n  quoted: \"yes\"\n  number: \"012\"\n  octal: 0o14\n  nothing: null\n  empty: \"\"\n  text: |\n    a\n    <b> & c\n  time: 2001-01-01\n"},
	},
	"OpenAPI": {
		reason: "A schema of the build's own decides how lists are merged.",
		tree:   files{"kustomization.yaml": "resources: [app.yaml]\nopenapi: {path: schema.json}\n" + customPatch, "app.yaml": customApp, "schema.json": customSchema},
	},
	"NoOpenAPI": {
		reason: "Without a schema lists of custom resources are replaced, also after a build that had one.",
		tree:   files{"kustomization.yaml": "resources: [app.yaml]\n" + customPatch, "app.yaml": customApp},
	},
}

func TestBuildBytes(t *testing.T) {
	for name, tc := range rendered {
		t.Run(name, func(t *testing.T) {
			want, err := oracle(t, tc.tree, tc.path, tc.options)
			if err != nil {
				t.Fatalf("the engine itself fails: %v", err)
			}
			out, err := newBuilder(t).Build(t.Context(), openTree(t, tc.tree), tc.path, tc.options)
			if err != nil {
				t.Fatalf("%s got %v", tc.reason, err)
			}
			if diff := cmp.Diff(string(want), string(yamlOf(t, out.Objects))); diff != "" {
				t.Errorf("%s differs from the engine (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestBuildParallel(t *testing.T) {
	builder := newBuilder(t)
	type job struct {
		name string
		tree *fetch.Tree
		want string
	}
	var jobs []job
	for name, tc := range rendered {
		want, err := oracle(t, tc.tree, tc.path, tc.options)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job{name: name, tree: openTree(t, tc.tree), want: string(want)})
	}
	var wg sync.WaitGroup
	for round := range 6 {
		for _, j := range jobs {
			if j.name == "OpenAPI" && round > 1 {
				continue // each of them parses the schema anew
			}
			wg.Go(func() {
				tc := rendered[j.name]
				out, err := builder.Build(t.Context(), j.tree, tc.path, tc.options)
				if err != nil {
					t.Errorf("%s: %v", j.name, err)
					return
				}
				if diff := cmp.Diff(j.want, string(yamlOf(t, out.Objects))); diff != "" {
					t.Errorf("%s: %s", j.name, diff)
				}
			})
		}
	}
	wg.Wait()
}

// bomb is YAML that is small until its aliases are expanded.
func bomb() string {
	var text strings.Builder
	text.WriteString("  b0: &b0 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n")
	for i := range 9 {
		fmt.Fprintf(&text, "  b%d: &b%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*b%d, ", i), 10), ", "))
	}
	return text.String()
}

func TestBuildErrors(t *testing.T) {
	valid := configMap("a")
	cases := map[string]struct {
		reason  string
		tree    files
		path    string
		options weirkustomize.Options
		want    []string
		is      error
	}{
		"PathAbsent": {
			reason: "Row 12.", tree: files{"a.yaml": valid}, path: "nope",
			want: []string{"kustomization path not found: "}, is: weirkustomize.ErrPathNotFound,
		},
		"PathClamped": {
			reason: "Row 13: the host is out of reach.", tree: files{"a.yaml": valid}, path: "../../etc",
			want: []string{"kustomization path not found: "}, is: weirkustomize.ErrPathNotFound,
		},
		"PathIsFile": {
			reason: "A file is not a build directory.", tree: files{"a.yaml": valid}, path: "a.yaml",
			want: []string{"kustomization path not found: "}, is: weirkustomize.ErrPathNotFound,
		},
		"InvalidYAML": {
			reason: "Row 14, and every such file is named.",
			tree:   files{"a.yaml": "a: [", "b/c.yaml": "hello", "d.yaml": valid}, path: ".",
			want: []string{"failed to decode Kubernetes YAML from a.yaml", "failed to decode Kubernetes YAML from b/c.yaml"},
		},
		"HelmTemplate": {
			reason: "A template is no manifest.", tree: files{"x/t.yaml": "{{- if .Values.a }}\na: b\n{{- end }}\n"}, path: "x",
			want: []string{"failed to decode Kubernetes YAML from x/t.yaml"},
		},
		"CI": {
			reason: "Files of hidden directories are not spared.", tree: files{".github/ci.yml": "on: push\n", "a.yaml": valid},
			want: []string{"failed to decode Kubernetes YAML from .github/ci.yml"},
		},
		"InvalidYAMLReferenced": {
			reason: "Row 15.", tree: files{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "a: ["},
			want: []string{"kustomize build failed: accumulating resources"},
		},
		"ResourceMissing": {
			reason: "A resource that is not there is named.", tree: files{"kustomization.yaml": "resources: [a.yaml]\n"},
			want: []string{"kustomize build failed: accumulating resources", "a.yaml"},
		},
		"MalformedKustomization": {
			reason: "Row 16.", tree: files{"kustomization.yaml": "resources: {a: b}\n"},
			want: []string{"cannot unmarshal object into Go struct field Kustomization.resources"},
		},
		"EscapeRelative": {
			reason: "Row 17.", tree: files{"app/kustomization.yaml": "resources: [../../../etc/hosts]\n"}, path: "app",
			want: []string{"fs-security-constraint", "is not in or below '/artifact'"},
		},
		"EscapeAbsolute": {
			reason: "Row 17.", tree: files{"kustomization.yaml": "resources: [/etc/hosts]\n"},
			want: []string{"fs-security-constraint"},
		},
		"EscapeGenerator": {
			reason: "Row 17, for files of generators.", tree: files{"kustomization.yaml": "secretGenerator: [{name: x, files: [../../../../etc/passwd]}]\n"},
			want: []string{"fs-security-constraint"},
		},
		"RemoteBase": {
			reason: "Row 18.", tree: files{"kustomization.yaml": "resources: [\"https://user:secret@127.0.0.1:1/x/y?ref=v1&token=secret\"]\n"},
			want: []string{"kustomize build failed: remote bases are not allowed: 'https://127.0.0.1:1/x/y'"},
		},
		"RemoteBaseGitHub": {
			reason: "Row 18, without a scheme.", tree: files{"kustomization.yaml": "resources: [github.com/acme/app//deploy]\n"},
			want: []string{"kustomize build failed: remote bases are not allowed"},
		},
		"RemoteBaseNested": {
			reason: "Row 18, in a base of a base.",
			tree: files{
				"kustomization.yaml": "resources: [b]\n", "b/kustomization.yaml": "components: [git@127.0.0.1:x/y.git]\n",
			},
			want: []string{"kustomize build failed: remote bases are not allowed"},
		},
		"RemoteFile": {
			reason: "Row 18, for files of generators.",
			tree:   files{"kustomization.yaml": "configMapGenerator: [{name: x, files: [\"k=https://127.0.0.1:1/x\"]}]\n"},
			want:   []string{"kustomize build failed: remote bases are not allowed"},
		},
		"RemoteFilePlugin": {
			reason: "Row 18, for files of transformers.",
			tree: files{
				"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n", "a.yaml": valid,
				"t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: https://127.0.0.1:1/x\n",
			},
			want: []string{"kustomize build failed: remote bases are not allowed"},
		},
		"FileURL": {
			reason: "Repositories on the disk of the controller are nobody's business.", options: weirkustomize.Options{AllowRemoteBases: true},
			tree: files{"kustomization.yaml": "resources: [\"file:///data/repo//app\"]\n"},
			want: []string{"kustomize build failed: file URLs are not allowed"},
		},
		"ComponentRemote": {
			reason: "Row 19.", tree: files{"a.yaml": valid}, options: weirkustomize.Options{Components: []string{"https://x.y/z"}},
			want: []string{"component path 'https://x.y/z' must be local and relative"},
		},
		"ComponentAbsolute": {
			reason: "Row 19.", tree: files{"a.yaml": valid}, options: weirkustomize.Options{Components: []string{"/c"}},
			want: []string{"component path '/c' must be local and relative"},
		},
		"ComponentMissing": {
			reason: "Row 20.", tree: files{"a.yaml": valid}, options: weirkustomize.Options{Components: []string{"../c"}},
			want: []string{"kustomize build failed: accumulating components"},
		},
		"PatchWithoutMatch": {
			reason: "Row 21.", tree: files{"a.yaml": valid},
			options: weirkustomize.Options{Patches: []kustomize.Patch{{Patch: configMap("b")}}},
			want:    []string{"no matches for Id", "failed to find unique target for patch"},
		},
		"NoName": {
			reason: "Row 22.", tree: files{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: x}\n"},
			want: []string{"failed to decode Kubernetes apiVersion, kind and name"},
		},
		"GenerateName": {
			reason: "Row 22.",
			tree: files{
				"kustomization.yaml": "resources: [a.yaml]\n",
				"a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n",
			},
			want: []string{"kustomize build failed", "failed to decode Kubernetes apiVersion, kind and name"},
		},
		"NoAPIVersion": {
			reason: "Row 22, for what the engine lets pass.", tree: files{"a.yaml": "kind: ConfigMap\nmetadata: {name: x}\n"},
			want: []string{"failed to decode Kubernetes apiVersion, kind and name"},
		},
		"Twice": {
			reason: "Row 23.", tree: files{"a.yaml": valid, "b.yaml": valid},
			want: []string{"may not add resource with an already registered id"},
		},
		"HelmChart": {
			reason: "Helm charts are not rendered.",
			tree:   files{"kustomization.yaml": "helmCharts: [{name: x, repo: https://127.0.0.1:1}]\n"}, want: []string{"kustomize build failed"},
		},
		"ExecPlugin": {
			reason: "No program is run.", want: []string{"kustomize build failed"},
			tree: files{
				"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n", "a.yaml": valid,
				"t.yaml": "apiVersion: acme.io/v1\nkind: Evil\nmetadata: {name: x, annotations: {config.kubernetes.io/function: \"exec: {path: /bin/true}\"}}\n",
			},
		},
		"BadSchema": {
			reason: "A schema that cannot be parsed panics in the engine.", want: []string{"kustomize build failed"},
			tree: files{"kustomization.yaml": "resources: [app.yaml]\nopenapi: {path: s.json}\n" + customPatch, "app.yaml": customApp, "s.json": "[1]"},
		},
		"AnchorCycle": {
			reason: "An anchor that contains itself must not end the process.", want: []string{"failed to decode Kubernetes YAML from a.yaml", "contains itself"},
			tree: files{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: &d {x: *d}\n"},
		},
		"AnchorCycleReferenced": {
			reason: "Nor in a file that is referenced.", want: []string{"kustomize build failed: a.yaml: YAML anchor contains itself"},
			tree: files{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "&a [*a]"},
		},
		"AnchorCycleInPatch": {
			reason: "Nor in a patch.", want: []string{"contains itself"}, tree: files{"a.yaml": valid},
			options: weirkustomize.Options{Patches: []kustomize.Patch{{Patch: "&a [*a]"}}},
		},
		"AnchorCycleInTransformer": {
			reason: "Nor in a patch of a transformer.", want: []string{"contains itself"},
			tree: files{
				"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n", "a.yaml": valid,
				"t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npatch: \"\\x26a [\\x2aa]\"\n",
			},
		},
		"AnchorBomb": {
			reason: "Aliases of aliases must not exhaust the memory.", want: []string{"YAML aliases expand to more than"},
			tree: files{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nbomb:\n" + bomb()},
		},
		"Cycle": {
			reason: "A base that includes its overlay is an error.", path: "a", want: []string{"cycle detected"},
			tree: files{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			builder := newBuilder(t)
			message := func() string {
				_, err := builder.Build(t.Context(), openTree(t, tc.tree), tc.path, tc.options)
				if err == nil {
					t.Fatalf("%s No error.", tc.reason)
				}
				if tc.is != nil && !errors.Is(err, tc.is) {
					t.Errorf("%s got %v", tc.reason, err)
				}
				return err.Error()
			}
			first := message()
			for _, want := range tc.want {
				if !strings.Contains(first, want) {
					t.Errorf("%s want %q in %s", tc.reason, want, first)
				}
			}
			for _, secret := range []string{os.TempDir() + "/", "secret"} {
				if strings.Contains(first, secret) {
					t.Errorf("%s %q in %s", tc.reason, secret, first)
				}
			}
			// The JSON library words its errors at random, on purpose.
			if second := message(); first != second && name != "BadSchema" {
				t.Errorf("%s Message differs in another directory:\n%s\n%s", tc.reason, first, second)
			}
			out, err := builder.Build(t.Context(), openTree(t, files{"a.yaml": valid}), "", weirkustomize.Options{})
			if err != nil || len(out.Objects) != 1 {
				t.Errorf("%s The next build suffers: %v", tc.reason, err)
			}
		})
	}
}

func TestBuildNothing(t *testing.T) {
	cases := map[string]struct {
		reason  string
		tree    files
		options weirkustomize.Options
		want    int
	}{
		"EmptyDirectory": {reason: "Row 24: nothing is a valid build.", tree: files{"app/": "", "x.yaml": "a: ["}},
		"OnlyOthers":     {reason: "Files that are no YAML do not count.", tree: files{"app/README.md": "hi"}},
		"EmptyDocuments": {reason: "Empty documents are skipped.", tree: files{"app/a.yaml": "---\n# nothing\n---\n"}},
		"KustomizeConfig": {
			reason: "Documents for kustomize are dropped.", want: 1,
			tree: files{"app/a.yaml": configMap("a") + "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: x}\n"},
		},
		"List": {
			reason: "Lists are expanded.", want: 2,
			tree: files{"app/a.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"},
		},
		"PatchWithTarget": {
			reason: "Row 21: a patch with a target may hit nothing.", want: 1, tree: files{"app/a.yaml": configMap("a")},
			options: weirkustomize.Options{Patches: []kustomize.Patch{{
				Patch: "- {op: remove, path: /spec}", Target: &kustomize.Selector{Kind: "Deployment"},
			}}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := newBuilder(t).Build(t.Context(), openTree(t, tc.tree), "/app/", tc.options)
			if err != nil {
				t.Fatalf("%s got %v", tc.reason, err)
			}
			if len(out.Objects) != tc.want {
				t.Errorf("%s got %d objects, want %d", tc.reason, len(out.Objects), tc.want)
			}
		})
	}
}
