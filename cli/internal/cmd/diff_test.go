// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/testkit"
)

// deployed is a Kustomization in the cluster and the directory that it was applied from.
type deployed struct {
	cluster   *testkit.Cluster
	namespace string
	dir       string
}

// deploy applies files with a Kustomization as kustomize-controller does.
func deploy(t *testing.T, spec string, files map[string]string) *deployed {
	t.Helper()
	c, namespace := connect(t)
	named := make(map[string]string, len(files))
	for name, text := range files {
		named[name] = strings.ReplaceAll(text, "NS", namespace)
	}
	d := &deployed{cluster: c, namespace: namespace, dir: testkit.Folder(t, named)}
	file := specified(t, spec)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	obj := testkit.Objects(t, string(text))[0]
	obj.SetNamespace(namespace)
	c.Create(t, obj)
	engine, set := controllers(t, d.dir, file, namespace)
	pool, err := cluster.NewPool(c.Config, c.Client.Scheme())
	if err != nil {
		t.Fatal(err)
	}
	clients, err := pool.Local(t.Context(), types.NamespacedName{})
	if err != nil {
		t.Fatal(err)
	}
	own := apply.Clients{Dynamic: clients.Dynamic, Metadata: clients.Metadata, Mapper: clients.Mapper}
	plan, err := engine.Plan(t.Context(), own, apply.Owner{Namespace: namespace, Name: "apps"}, set, nil, apply.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Apply(t.Context(), own, plan); err != nil {
		t.Fatal(err)
	}
	var entries []any
	for _, e := range plan.Inventory() {
		entries = append(entries, map[string]any{"id": e.ID, "v": e.Version})
	}
	settle(t, c.Client, "Kustomization", client.ObjectKey{Namespace: namespace, Name: "apps"},
		map[string]any{"inventory": map[string]any{"entries": entries}}, "True", "Applied revision: x")
	return d
}

// diff compares with these files in place of, or beside, those that were applied; an empty one is not there any more.
func (d *deployed) diff(t *testing.T, files map[string]string, args ...string) result {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(d.dir, name)
		if text == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "NS", d.namespace)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := weir(t, "", append([]string{"diff", "ks", "apps", "--progress-bar=false", "--path", filepath.Join(d.dir, "deploy")}, args...)...)
	got.out = strings.ReplaceAll(got.out, d.namespace, "NS")
	return got
}

// versions tells which objects of the namespace are at which version.
func (d *deployed) versions(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, kind := range []string{"ConfigMap", "Secret", "Service", "Deployment", "ServiceAccount"} {
		list := new(unstructured.UnstructuredList)
		list.SetAPIVersion("v1")
		if kind == "Deployment" {
			list.SetAPIVersion("apps/v1")
		}
		list.SetKind(kind + "List")
		if err := d.cluster.Client.List(t.Context(), list, client.InNamespace(d.namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			found[kind+"/"+list.Items[i].GetName()] = list.Items[i].GetResourceVersion()
		}
	}
	return found
}

// TestDiffAfterApply finds nothing right after an apply of the same files.
func TestDiffAfterApply(t *testing.T) {
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, spec, rich("NS"))
			before, files := d.versions(t), content(t, d.dir)
			got := d.diff(t, nil)
			if got.code != 0 || got.out != "" || got.err != "" {
				t.Errorf("code %d\nstdout %s\nstderr %s", got.code, got.out, got.err)
			}
			if diff := cmp.Diff(before, d.versions(t)); diff != "" {
				t.Errorf("the cluster has changed (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(files, content(t, d.dir)); diff != "" {
				t.Errorf("the directory has changed (-before +after):\n%s", diff)
			}
		})
	}
}

func manifest(kind, name, rest string) string {
	return "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: NS}\n" + rest + "\n---\n"
}

// marked is the ConfigMap k with an annotation of the controller.
func marked(key, value, data string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: k, namespace: NS, annotations: {kustomize.toolkit.fluxcd.io/" +
		key + ": " + value + "}}\ndata: {a: " + data + "}\n---\n"
}

func TestDiff(t *testing.T) {
	base := map[string]string{
		"deploy/a.yaml": manifest("ConfigMap", "a", "data: {a: one, c: two}"),
		"deploy/s.yaml": manifest("Secret", "s", "stringData: {a: hunter2, b: hunter3, c: hunter4}"),
	}
	cases := map[string]struct {
		reason   string
		spec     string
		before   map[string]string // applied beside base
		files    map[string]string // changed afterwards
		code     int
		out, err string
	}{
		"Created": {
			reason: "What is not there is created.", code: 1, err: "⚠️ the cluster differs",
			files: map[string]string{"deploy/b.yaml": manifest("ConfigMap", "b", "")}, out: "► ConfigMap/NS/b created\n",
		},
		"Drifted": {
			reason: "What differs is shown field by field.", code: 1, err: "⚠️ the cluster differs",
			files: map[string]string{"deploy/a.yaml": manifest("ConfigMap", "a", "data: {a: three, b: x}")},
			out: `► ConfigMap/NS/a drifted

data
  - one map entry removed:     + one map entry added:
    c: two                       b: x

data.a
  ± value change
    - one
    + three

`,
		},
		"Secret": {
			reason: "Values of Secrets are masked.", code: 1, err: "⚠️ the cluster differs",
			files: map[string]string{"deploy/s.yaml": manifest("Secret", "s", "stringData: {a: changed1, b: hunter3, d: hunter5}")},
			out: `► Secret/NS/s drifted

data
  - one map entry removed:     + one map entry added:
    c: "***"                     d: "***"

data.a
  ± value change
    - *** (before)
    + *** (after)

`,
		},
		"Encrypted": {
			reason: "Encrypted Secrets are compared by key.",
			files:  map[string]string{"deploy/s.yaml": manifest("Secret", "s", "stringData: {a: 'ENC[x]', b: 'ENC[y]'}\ndata: {c: RU5DWw==}\nsops: {mac: 'ENC[z]'}")},
		},
		"EncryptedKey": {
			reason: "A new key shows, its value does not.", code: 1, err: "⚠️ the cluster differs",
			files: map[string]string{"deploy/s.yaml": manifest("Secret", "s", "stringData: {a: 'ENC[x]', b: 'ENC[y]', c: 'ENC[x]', d: 'ENC[x]'}\nsops: {mac: 'ENC[z]'}")},
			out:   "► Secret/NS/s drifted\n\ndata\n  + one map entry added:\n    d: \"***\"\n\n",
		},
		"Deleted": {
			reason: "What is no longer built is deleted.", code: 1, err: "⚠️ the cluster differs",
			files: map[string]string{"deploy/a.yaml": ""}, out: "► ConfigMap/NS/a deleted\n",
		},
		"NoPrune": {reason: "Without prune it stays.", spec: "prune: false", files: map[string]string{"deploy/a.yaml": ""}},
		"Kept": {
			reason: "An object that asks for it stays.", before: map[string]string{"deploy/k.yaml": marked("prune", "disabled", "x")},
			files: map[string]string{"deploy/k.yaml": ""}, out: "► ConfigMap/NS/k skipped\n",
		},
		"Disabled": {
			reason: "An excluded object is skipped.", files: map[string]string{"deploy/k.yaml": marked("reconcile", "Disabled", "x")},
			out: "► ConfigMap/NS/k skipped\n",
		},
		"Ignored": {
			reason: "So is one with the other annotation.", files: map[string]string{"deploy/k.yaml": marked("ssa", "ignore", "x")},
			out: "► ConfigMap/NS/k skipped\n",
		},
		"IfNotPresent": {
			reason: "What is there is left alone.", before: map[string]string{"deploy/k.yaml": marked("ssa", "IfNotPresent", "x")},
			files: map[string]string{"deploy/k.yaml": marked("ssa", "IfNotPresent", "z")},
		},
		"IfNotPresentNew": {
			reason: "What is not there is created.", files: map[string]string{"deploy/k.yaml": marked("ssa", "ifnotpresent", "z")},
			out: "► ConfigMap/NS/k created\n", code: 1, err: "⚠️ the cluster differs",
		},
		"Rules": {
			reason: "Ignored fields do not count.", spec: "ignore: [{paths: [/data/a], target: {name: a}}]",
			files: map[string]string{"deploy/a.yaml": manifest("ConfigMap", "a", "data: {a: three, c: two}")},
		},
		"Immutable": {
			reason: "Without force a refusal is an error.", before: map[string]string{"deploy/i.yaml": manifest("ConfigMap", "i", "immutable: true\ndata: {a: x}")},
			files: map[string]string{"deploy/i.yaml": manifest("ConfigMap", "i", "immutable: true\ndata: {a: z}")}, code: 2, err: "ConfigMap/NS/i dry-run failed (Invalid)",
		},
		"Force": {
			reason: "With force the object is put there anew.", before: map[string]string{"deploy/i.yaml": manifest("ConfigMap", "i", "immutable: true\ndata: {a: x}")},
			spec: "force: true", files: map[string]string{"deploy/i.yaml": manifest("ConfigMap", "i", "immutable: true\ndata: {a: z}")}, code: 1,
			out: "► ConfigMap/NS/i drifted\n\ndata.a\n  ± value change\n    - x\n    + z\n\n", err: "⚠️ the cluster differs",
		},
		"Errors": {
			reason: "One refusal hides neither the others nor what differs, but nothing is said about deletions.", code: 2,
			files: map[string]string{
				"deploy/a.yaml": "", "deploy/b.yaml": manifest("ConfigMap", "b", ""),
				"deploy/x.yaml": manifest("ConfigMap", "x", "data: [1]") + manifest("Nothing", "y", ""),
			},
			out: "► ConfigMap/NS/b created\n", err: "Nothing/NS/y dry-run failed: no matches for kind",
		},
		"Namespace": {
			reason: "A namespace of the set is there before what is in it.", code: 1,
			files: map[string]string{"deploy/n.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS-new}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n, namespace: NS-new}\n"},
			out: "► Namespace/NS-new created\n► ConfigMap/NS-new/n created\n", err: "⚠️ the cluster differs",
		},
		"Definition": {
			reason: "So is a kind.", code: 1,
			files: map[string]string{"deploy/d.yaml": definition + "apiVersion: diff.example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: NS}\n"},
			out:   "► CustomResourceDefinition/gadgets.diff.example.com created\n► Gadget/NS/g created\n", err: "⚠️ the cluster differs",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(base)
			maps.Copy(files, tc.before)
			d := deploy(t, tc.spec, files)
			before := d.versions(t)
			got := d.diff(t, tc.files)
			got.err = strings.ReplaceAll(got.err, d.namespace, "NS")
			got.wants(t, tc.reason, tc.code, "", tc.err)
			if diff := cmp.Diff(tc.out, got.out); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if all := got.out + got.err; strings.Contains(all, "hunter") || strings.Contains(all, "ENC[") {
				t.Errorf("a secret is shown:\n%s", all)
			}
			if diff := cmp.Diff(before, d.versions(t)); diff != "" {
				t.Errorf("the cluster has changed (-before +after):\n%s", diff)
			}
		})
	}
}

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.diff.example.com}
spec:
  group: diff.example.com
  names: {kind: Gadget, plural: gadgets}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
`

// TestDiffTakeover shows what adopting an object of kubectl changes, without the copy of its values that kubectl keeps.
func TestDiffTakeover(t *testing.T) {
	d := deploy(t, "", map[string]string{"deploy/s.yaml": manifest("Secret", "s", "stringData: {a: hunter2}")})
	obj := new(unstructured.Unstructured)
	obj.SetAPIVersion("v1")
	obj.SetKind("Secret")
	if err := d.cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: "s"}, obj); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(obj.DeepCopy())
	obj.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "hunter2"})
	if err := d.cluster.Client.Patch(t.Context(), obj, patch, client.FieldOwner("kubectl-client-side-apply")); err != nil {
		t.Fatal(err)
	}
	got := d.diff(t, nil)
	got.wants(t, "The annotation goes.", 1, "► Secret/NS/s drifted\n", "")
	if !strings.Contains(got.out, "last-applied-configuration") || strings.Contains(got.out, "hunter") {
		t.Errorf("want the annotation without its value, got\n%s", got.out)
	}
}

// TestDiffNew compares what is not in the cluster yet.
func TestDiffNew(t *testing.T) {
	_, namespace := connect(t)
	dir := testkit.Folder(t, map[string]string{"deploy/a.yaml": strings.ReplaceAll(manifest("ConfigMap", "a", ""), "NS", namespace), "ks.yaml": localKustomization})
	args := []string{"diff", "kustomization", "apps", "--path", dir + "/deploy", "--kustomization-file", dir + "/ks.yaml"}
	weir(t, "", args...).wants(t, "It should be there.", 2, "", "✗ get Kustomization/"+namespace+"/apps: ")
	weir(t, "", append(args, "--ignore-not-found")...).wants(t, "It need not.", 1, "► ConfigMap/"+namespace+"/a created\n", "⚠️ ")
	weir(t, "", "diff", "ks", "apps", "--path", dir+"/deploy").wants(t, "It is not in the cluster.", 2, "", "✗ get Kustomization/"+namespace+"/apps: ")
	weir(t, "", "build", "ks", "apps", "--path", dir+"/deploy").wants(t, "Nor for build.", 1, "", "✗ get Kustomization/"+namespace+"/apps: ")
	weir(t, "", "build", "ks", "apps", "--path", dir+"/deploy", "--kustomization-file", dir+"/ks.yaml").wants(t, "A file will do.", 0, "name: a\n", "")
}

// TestBuildVariables reads variables from the cluster.
func TestBuildVariables(t *testing.T) {
	c, namespace := connect(t)
	c.Create(t, testkit.ConfigMap(namespace, "vars", map[string]string{"v": "map", "w": "map"}), testkit.Secret(namespace, "vars", map[string]string{"w": "hunter2"}))
	dir := testkit.Folder(t, map[string]string{"deploy/a.yaml": configMap("a", `"${v}-${w}"`)})
	build := func(refs string) result {
		return weir(t, "", "build", "ks", "apps", "--path", dir+"/deploy", "--kustomization-file", specified(t, "postBuild: {substituteFrom: ["+refs+"]}"))
	}
	build("{kind: ConfigMap, name: vars}, {kind: Secret, name: vars}").wants(t, "Later ones win.", 0, "key: map-hunter2\n", "")
	build("{kind: ConfigMap, name: none, optional: true}, {kind: ConfigMap, name: vars}").wants(t, "Optional ones may be missing.", 0, "key: map-map\n", "")
	build("{kind: Secret, name: none}").wants(t, "Others may not.", 1, "", "substitute from 'Secret/none' error")
}

// TestDiffRecursive goes on with the Kustomizations that were built.
func TestDiffRecursive(t *testing.T) {
	nested := "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: NAME, namespace: NS}\n" +
		"spec: {interval: 1m, prune: true, path: ./NAME, sourceRef: {kind: GitRepository, name: fleet}MORE}\n---\n"
	child := func(name, more string) string { return strings.NewReplacer("NAME", name, "MORE", more).Replace(nested) }
	d := deploy(t, "", map[string]string{
		"deploy/all.yaml":  child("inner", "") + child("same", "") + child("remote", ", kubeConfig: {secretRef: {name: x}}"),
		"inner/a.yaml":     manifest("ConfigMap", "inner", ""),
		"same/README":      "",
		"remote/gone.yaml": manifest("ConfigMap", "remote", ""),
	})
	d.diff(t, nil).wants(t, "Nothing differs above.", 0, "", "")
	d.diff(t, nil, "-r").wants(t, "The source has to be there.", 2, "", "its source GitRepository/"+d.namespace+"/fleet is not in --local-sources")
	got := d.diff(t, nil, "--recursive", "--local-sources", "GitRepository/"+d.namespace+"/fleet="+d.dir)
	got.wants(t, "Below something does.", 1, "", "⚠️ the cluster differs")
	want := "📁 Kustomization/NS/inner changed\n► ConfigMap/NS/inner created\n⚠️ Kustomization/NS/remote targets a remote cluster and is skipped\n"
	if diff := cmp.Diff(want, got.out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
