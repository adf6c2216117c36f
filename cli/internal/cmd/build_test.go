// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/render"
	"github.com/weir-gitops/weir/kit/testkit"
)

// content reads everything below a directory, with the time of its last change.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found[name] = info.ModTime().String()
		if !d.IsDir() {
			text, err := os.ReadFile(filepath.Join(dir, name))
			found[name] += string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const localKustomization = `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  interval: 1m
  prune: true
  path: ./deploy
  sourceRef: {kind: GitRepository, name: fleet}
`

// configMap is a manifest with one value.
func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: default}\ndata:\n  key: " + value + "\n---\n"
}

func TestBuildUsage(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	dir := testkit.Folder(t, map[string]string{
		"deploy/a.yaml": configMap("a", "1"), "ks.yaml": localKustomization, "bad.yaml": "a: [", "typo.yaml": strings.Replace(localKustomization, "prune: true", "prune: maybe", 1),
	})
	deploy, file := filepath.Join(dir, "deploy"), filepath.Join(dir, "ks.yaml")
	cases := map[string]struct {
		reason     string
		args       []string
		build, run int // exit codes of build and diff; 0 where the row does not apply
		err        string
	}{
		"NoName":       {"Something has to be named.", []string{"--path", deploy}, 1, 1, "✗ one kustomization name is required"},
		"NoPath":       {"There is no default directory.", []string{"apps"}, 1, 2, "✗ --path is required"},
		"PathMissing":  {"The directory must be there.", []string{"apps", "--path", dir + "/none"}, 1, 2, "✗ --path: "},
		"PathFile":     {"A file is no directory.", []string{"apps", "--path", file}, 1, 2, "is not a directory"},
		"FileMissing":  {"The file must be there.", []string{"apps", "--path", deploy, "--kustomization-file", dir + "/none"}, 1, 1, "✗ --kustomization-file: "},
		"FileDir":      {"A directory is no file.", []string{"apps", "--path", deploy, "--kustomization-file", dir}, 1, 1, "is a directory"},
		"FileBad":      {"The file must be YAML.", []string{"apps", "--path", deploy, "--dry-run", "--kustomization-file", dir + "/bad.yaml"}, 1, 0, "bad.yaml"},
		"FileTypo":     {"The object must be one.", []string{"apps", "--path", deploy, "--dry-run", "--kustomization-file", dir + "/typo.yaml"}, 1, 0, "spec.prune"},
		"NotInFile":    {"The file must hold the object.", []string{"other", "--path", deploy, "--dry-run", "--kustomization-file", file}, 1, 0, "✗ Kustomization/flux-system/other is not in "},
		"DryRunNoFile": {"Without a cluster there must be a file.", []string{"apps", "--path", deploy, "--dry-run"}, 1, 0, "✗ --dry-run needs --kustomization-file"},
		"NoCluster":    {"Without a cluster there is one error.", []string{"apps", "--path", deploy}, 1, 2, "✗ "},
		"MissingFile":  {"What is not in the cluster must be in a file.", []string{"apps", "--path", deploy, "--ignore-not-found"}, 0, 2, "✗ --ignore-not-found needs --kustomization-file"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.build != 0 {
				weir(t, "", append([]string{"build", "ks"}, tc.args...)...).wants(t, tc.reason, tc.build, "", tc.err)
			}
			if tc.run != 0 {
				weir(t, "", append([]string{"diff", "ks"}, tc.args...)...).wants(t, tc.reason, tc.run, "", tc.err)
			}
		})
	}
}

// TestBuildLocal builds without a cluster.
func TestBuildLocal(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	plain := map[string]string{"deploy/a.yaml": configMap("a", `"${v}-${w:=d}"`), "deploy/sub/b.yml": configMap("b", "x")}
	overlay := map[string]string{
		"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": configMap("a", "x"),
		"deploy/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n",
	}
	with := func(files map[string]string, more ...string) map[string]string {
		files = maps.Clone(files)
		for i := 0; i < len(more); i += 2 {
			files[more[i]] = more[i+1]
		}
		return files
	}
	cases := map[string]struct {
		reason string
		files  map[string]string
		spec   string
		args   []string
		code   int
		// out and not are what the output holds and does not hold.
		out, not, err string
	}{
		"Labels":         {reason: "Owner labels are set.", files: plain, out: "    kustomize.toolkit.fluxcd.io/name: apps\n    kustomize.toolkit.fluxcd.io/namespace: flux-system\n"},
		"Below":          {reason: "Files of directories without a kustomization file count.", files: plain, out: "name: b\n"},
		"NoPostBuild":    {reason: "Without postBuild nothing is substituted.", files: plain, out: "key: ${v}-${w:=d}\n"},
		"Inline":         {reason: "Inline variables count; others are empty.", files: plain, spec: "postBuild: {substitute: {x: z}}", out: "key: -d\n"},
		"SubstituteFrom": {reason: "A dry-run does not load variables.", files: plain, spec: "postBuild: {substitute: {v: z}, substituteFrom: [{kind: Secret, name: none}]}", out: "key: z-d\n"},
		"Strict":         {reason: "Strict refuses what has no value.", files: plain, spec: "postBuild: {substitute: {x: z}}", args: []string{"--strict-substitute"}, code: 1, err: `variable not set (strict mode): "v"`},
		"Ignore":         {reason: "Patterns leave files out.", files: plain, args: []string{"--ignore-paths", "sub/"}, out: "name: a\n", not: "name: b\n"},
		"IgnoreAnchor":   {reason: "They start at the path, not at the source.", files: plain, args: []string{"--ignore-paths", "x,/a.yaml"}, out: "name: b\n", not: "name: a\n"},
		"SourceIgnore":   {reason: "What the source leaves out is not there.", files: with(plain, "deploy/.sourceignore", "sub/\n"), out: "name: a\n", not: "name: b\n"},
		"Overlay":        {reason: "The rest of the source can be used.", files: overlay, out: "name: p-a\n"},
		"Repository":     {reason: "In a repository the path may be anywhere.", files: with(overlay, ".git/HEAD", "x", ".git/x.yaml", "not: one"), spec: "path: ./other", out: "name: p-a\n"},
		"Outside":        {reason: "What is not the source cannot be used.", files: overlay, spec: "path: ./", code: 1, err: "/base' is not in or below 'DIR/deploy'"},
		"Metadata":       {reason: "Common metadata wins over owner labels.", files: plain, spec: "commonMetadata: {labels: {kustomize.toolkit.fluxcd.io/name: z}}", out: "toolkit.fluxcd.io/name: z\n"},
		"Namespace":      {reason: "The namespace replaces that of the files.", files: plain, spec: "targetNamespace: prod", out: "namespace: prod\n", not: "namespace: default\n"},
		"Patches":        {reason: "Patches are added.", files: plain, spec: `patches: [{patch: '[{"op": "add", "path": "/data/more", "value": "m"}]', target: {kind: ConfigMap}}]`, out: "more: m\n"},
		"Component":      {reason: "Components are local.", files: plain, spec: "components: [\"https://example.com/x\"]", code: 1, err: "must be local and relative"},
		"BadManifest":    {reason: "The file is named.", files: with(plain, "deploy/c.yaml", "a: 1\n"), code: 1, err: "failed to decode Kubernetes YAML from deploy/c.yaml"},
		"FileMissing":    {reason: "Files have the names that they have here.", files: map[string]string{"deploy/kustomization.yaml": "resources: [none.yaml]\n"}, code: 1, err: "open DIR/deploy/none.yaml: "},
		"Empty":          {reason: "Nothing is nothing.", files: map[string]string{"deploy/README": ""}, out: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := testkit.Folder(t, tc.files)
			before := content(t, dir)
			got := weir(t, "", append([]string{
				"build", "kustomization", "apps", "--in-memory-build", "--path", filepath.Join(dir, "deploy"), "--dry-run",
				"--kustomization-file", specified(t, tc.spec),
			}, tc.args...)...)
			resolved, err := filepath.EvalSymlinks(dir)
			if err != nil {
				t.Fatal(err)
			}
			got.wants(t, tc.reason, tc.code, tc.out, strings.ReplaceAll(tc.err, "DIR", resolved))
			if tc.not != "" && strings.Contains(got.out, tc.not) || tc.code != 0 && got.out != "" {
				t.Errorf("%s\nstdout %q, want no %q", tc.reason, got.out, tc.not)
			}
			if diff := cmp.Diff(before, content(t, dir)); diff != "" {
				t.Errorf("the directory has changed (-before +after):\n%s", diff)
			}
		})
	}
}

// specified writes the Kustomization of these tests with this on top of its spec.
func specified(t *testing.T, spec string) string {
	t.Helper()
	var obj map[string]any
	var more map[string]any
	for text, into := range map[string]*map[string]any{localKustomization: &obj, spec: &more} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	fields, _, _ := unstructured.NestedMap(obj, "spec")
	maps.Copy(fields, more)
	obj["spec"] = fields
	text, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(testkit.Folder(t, map[string]string{"ks.yaml": string(text)}), "ks.yaml")
}

// TestBuildEncrypted checks that no ciphertext is shown.
func TestBuildEncrypted(t *testing.T) {
	cases := map[string]struct {
		reason, manifest, want string
	}{
		"Data": {
			"Every value becomes the mask.",
			"kind: Secret\nmetadata: {name: a}\ndata: {k: RU5DWw==, l: RU5DWw==}\nsops: {mac: 'ENC[x]'}\n",
			"data:\n  k: KipTT1BTKio=\n  l: KipTT1BTKio=\n",
		},
		"StringData": {
			"Plain values stay plain.",
			"kind: Secret\nmetadata: {name: a}\nstringData: {k: 'ENC[x]'}\nsops: {mac: 'ENC[x]'}\n",
			"stringData:\n  k: '**SOPS**'\n",
		},
		"Docker": {
			"A docker config stays JSON.",
			"kind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: RU5DWw==}\nsops: {mac: 'ENC[x]'}\n",
			"data:\n  .dockerconfigjson: eyJtYXNrIjoiKipTT1BTKioifQ==\n",
		},
		"File": {
			"An encrypted file in a Secret is masked, the others are not.",
			"kind: Secret\nmetadata: {name: a}\ndata: {k: c29wczogbWFjOiBFTkNbeF0=, l: bA==}\n",
			"data:\n  k: KipTT1BTKio=\n  l: bA==\n",
		},
		"Other": {
			"Objects of other kinds are masked where they are encrypted.",
			"kind: ConfigMap\nmetadata: {name: a}\ndata: {k: 'ENC[x]', l: l}\nsops: {mac: 'ENC[x]'}\n",
			"data:\n  k: '**SOPS**'\n  l: l\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := testkit.Folder(t, map[string]string{"deploy/a.yaml": "apiVersion: v1\n" + tc.manifest, "ks.yaml": localKustomization})
			got := weir(t, "", "build", "ks", "apps", "--path", dir+"/deploy", "--dry-run", "--kustomization-file", dir+"/ks.yaml")
			got.wants(t, tc.reason, 0, tc.want, "")
			if strings.Contains(got.out, "ENC[") || strings.Contains(got.out, "sops:") {
				t.Errorf("%s\n%s", tc.reason, got.out)
			}
		})
	}
}

// TestBuildRecursive goes on with what was built.
func TestBuildRecursive(t *testing.T) {
	nested := func(name, source, path string) string {
		return fmt.Sprintf("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: flux-system}\n"+
			"spec: {interval: 1m, prune: true, path: %s, sourceRef: {kind: OCIRepository, name: %s}}\n---\n", name, path, source)
	}
	dir := testkit.Folder(t, map[string]string{
		"ks.yaml":         localKustomization,
		"deploy/all.yaml": nested("apps", "here", ".") + nested("one", "there", "./one"),
	})
	there := testkit.Folder(t, map[string]string{"one/a.yaml": configMap("inner", "x") + nested("two", "there", "./two"), "two/a.yaml": configMap("innermost", "x")})
	args := []string{"build", "ks", "apps", "--path", dir + "/deploy", "--dry-run", "--kustomization-file", dir + "/ks.yaml", "-r"}
	weir(t, "", args...).wants(t, "A source that is not there is named.", 1, "", "✗ Kustomization/flux-system/one: its source OCIRepository/flux-system/there is not in --local-sources")
	got := weir(t, "", append(args, "--local-sources", "OCIRepository/flux-system/there="+there)...)
	got.wants(t, "Kustomizations are built to the end, each once.", 0, "name: innermost\n", "")
	if n := strings.Count(got.out, "name: inner\n"); n != 1 {
		t.Errorf("inner is there %d times\n%s", n, got.out)
	}
}

// rich has of everything that the engine treats in a way of its own.
func rich(namespace string) map[string]string {
	return map[string]string{
		"deploy/kustomization.yaml": "namespace: " + namespace + "\nresources: [all.yaml]\nconfigMapGenerator: [{name: gen, literals: [\"a=${v}\"]}]\n",
		"deploy/all.yaml": `
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {user: me, password: "${w:-none}"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, creationTimestamp: null}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 80}]}]}
status: {}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`,
	}
}

// specs are Kustomizations that shape builds in every way.
func specs() map[string]string {
	return map[string]string{
		"Plain":    "{}",
		"Names":    "{namePrefix: a-, nameSuffix: -z}",
		"Variable": "{postBuild: {substitute: {v: hello, w: world}}}",
		"Always":   "{postBuild: {substituteStrategy: Always}}",
		"Images":   "{images: [{name: web, newName: example.com/web, newTag: v2}]}",
		"Patches":  `{patches: [{patch: '[{"op": "add", "path": "/metadata/annotations", "value": {"x": "z"}}]', target: {kind: Service|Role}}]}`,
		"Metadata": "{commonMetadata: {labels: {team: a}, annotations: {on: call}}, buildMetadata: [originAnnotations]}",
	}
}

// TestBuildIsApplied compares the output with what the packages of the controller make of the artifact.
func TestBuildIsApplied(t *testing.T) {
	dir := testkit.Folder(t, rich("prod"))
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			file := specified(t, spec)
			got := weir(t, "", "build", "ks", "apps", "--path", dir+"/deploy", "--dry-run", "--kustomization-file", file)
			got.wants(t, "It builds.", 0, "", "")
			_, set := controllers(t, dir, file, "flux-system")
			for _, u := range set.Objects() {
				unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
			}
			if diff := cmp.Diff(texts(t, set.Objects()), texts(t, testkit.Objects(t, got.out))); diff != "" {
				t.Errorf("(-applied +built):\n%s", diff)
			}
		})
	}
}

// texts prints objects, by kind and name.
func texts(t *testing.T, objects []*unstructured.Unstructured) map[string]string {
	t.Helper()
	printed := make(map[string]string, len(objects))
	for _, u := range objects {
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		printed[u.GetKind()+"/"+u.GetName()] = string(text)
	}
	return printed
}

// controllers prepares a set as kustomize-controller does.
func controllers(t *testing.T, dir, file, namespace string) (*apply.Engine, *apply.Set) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	obj := new(kustomizev1.Kustomization)
	if err := yaml.Unmarshal(text, obj); err != nil {
		t.Fatal(err)
	}
	obj.Namespace = namespace
	tree, err := fetch.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	builder, err := kustomize.NewBuilder(kustomize.BuilderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	output, err := builder.Build(t.Context(), tree, obj.Spec.Path, render.Options(obj))
	if err != nil {
		t.Fatal(err)
	}
	built, err := render.Substitute(obj, output.Objects, render.Inline(obj).Values, false)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.Unstructured(built)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := apply.New(apply.Config{Field: "kustomize-controller", Group: kustomizev1.Group})
	if err != nil {
		t.Fatal(err)
	}
	set, err := render.Prepare(engine, obj, objects, nil)
	if err != nil {
		t.Fatal(err)
	}
	return engine, set
}
