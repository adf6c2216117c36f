// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/kustomize"

	weirkustomize "github.com/weir-gitops/weir/kit/kustomize"
)

// brackets is a value that is nested that deep.
func brackets(depth int) string {
	return strings.Repeat("{a: ", depth) + "1" + strings.Repeat("}", depth)
}

// custom is a tree with a schema of its own.
func custom(schema string) files {
	return files{"kustomization.yaml": "resources: [app.yaml]\nopenapi: {path: schema.json}\n" + customPatch, "app.yaml": customApp, "schema.json": schema}
}

// crd is a tree with a file that "crds" names.
func crd(content string) files {
	return files{"kustomization.yaml": "resources: [a.yaml]\ncrds: [types.yaml]\n", "a.yaml": configMap("a"), "types.yaml": content}
}

// chain are definitions each of which is the next one.
func chain(n int) string {
	var text strings.Builder
	text.WriteString("definitions:\n")
	for i := range n {
		fmt.Fprintf(&text, "  d%d: {$ref: '#/definitions/d%d'}\n", i, i+1)
	}
	return text.String()
}

const typeFields = "apiVersion: {type: string}, kind: {type: string}, metadata: {type: object}"

// forking are types each of which refers to the next one twice.
func forking(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "t%d: {Schema: {properties: {%s, x: {$ref: t%d}, y: {$ref: t%d}}}}\n", i, typeFields, i+1, i+1)
	}
	return text.String()
}

// TestHostile builds what would end the process, or keep it busy for good: by the stack, by the memory, or by time that nothing can interrupt. Each
// is an error that says why, and the next build does not notice.
func TestHostile(t *testing.T) {
	patched := func(patch string) weirkustomize.Options {
		return weirkustomize.Options{Patches: []kustomize.Patch{{Patch: patch, Target: &kustomize.Selector{Kind: "ConfigMap"}}}}
	}
	plain, inJSON := files{"a.yaml": configMap("a")}, strings.ReplaceAll(brackets(400), "a", `"a"`)
	many := "configMapGenerator:\n- name: x\n  files:\n"
	for i := range 100 {
		many += fmt.Sprintf("  - k%d=big.txt\n", i)
	}
	cases := map[string]struct {
		reason  string
		tree    files
		options weirkustomize.Options
		want    string
	}{
		"FlowSequences":      {reason: "The parser has a limit of its own.", tree: files{"a.yaml": configMap("a") + "x: " + strings.Repeat("[", 100_000)}, want: "exceeded max depth"},
		"FlowMappings":       {reason: "Below that limit a build took minutes.", tree: files{"a.yaml": configMap("a") + "x: " + brackets(9_000)}, want: "nested more than 500 levels"},
		"BlockSequences":     {reason: "Levels need no brackets.", tree: files{"a.yaml": configMap("a") + "x:\n" + strings.Repeat("- ", 900) + "1\n"}, want: "nested more than 500 levels"},
		"DeepAliases":        {reason: "Aliases put what is deep into what is deep.", tree: files{"a.yaml": configMap("a") + "x: &x " + brackets(400) + "\ny: " + strings.Replace(brackets(400), "1", "*x", 1)}, want: "nested more than 500 levels"},
		"DeepPatch":          {reason: "So do patches.", tree: plain, options: patched("[{op: add, path: /x, value: " + brackets(600) + "}]"), want: "nested more than 500 levels"},
		"DeepByPatches":      {reason: "Several patches, none of which is deep, make a deep object.", tree: plain, options: patched(`[{"op": "add", "path": "/x", "value": ` + inJSON + `}, {"op": "add", "path": "/x` + strings.Repeat("/a", 400) + `", "value": ` + inJSON + `}]`), want: "nested more than 500 levels"},
		"DeepKustomization":  {reason: "What nobody looks at is written out, too.", tree: files{"kustomization.yaml": "resources: [a.yaml]\nhelmCharts: [{valuesInline: " + brackets(2_000) + "}]\n", "a.yaml": configMap("a")}, want: "nested more than 500 levels"},
		"Wide":               {reason: "What is written out at the far right takes most of the room.", tree: files{"a.yaml": configMap("a") + "x: " + strings.Replace(brackets(450), "1", "["+strings.Repeat("0,", 50_000)+"0]", 1)}, want: "takes more than 32 MiB"},
		"LargeFile":          {reason: "A file is not even read.", tree: files{"a.yaml": strings.Repeat("#", 33<<20)}, want: "the file is larger than 32 MiB"},
		"SameFile":           {reason: "One file may be named many times.", tree: files{"kustomization.yaml": many, "big.txt": strings.Repeat("x", 1<<20)}, want: "reads more than 64 MiB"},
		"Itself":             {reason: "A kustomization that includes itself.", tree: files{"kustomization.yaml": "resources: [.]\n"}, want: "cycle detected"},
		"Components":         {reason: "Components that include each other.", tree: files{"kustomization.yaml": "components: [c1]\n", "c1/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../c2]\n", "c2/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../c1]\n"}, want: "cycle detected"},
		"Pointer":            {reason: "No list is made that long.", tree: files{"a.yaml": configMap("a") + "x: [1]\n"}, options: patched(`[{"op": "add", "path": "/x/999999999999", "value": 1}]`), want: "invalid index"},
		"ReplacementIndex":   {reason: "Nor by a replacement.", tree: files{"kustomization.yaml": "resources: [a.yaml]\nreplacements: [{source: {kind: ConfigMap, fieldPath: metadata.name}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.l.999999999], options: {create: true}}]}]\n", "a.yaml": configMap("a")}, want: "unable to find or create field"},
		"SchemaCircle":       {reason: "The engine follows it for ever, with all other builds waiting.", tree: custom(`{"definitions": {"io.acme.v1.App": {"properties": {"spec": {"$ref": "#/definitions/a"}}, "x-kubernetes-group-version-kind": [{"group": "acme.io", "kind": "App", "version": "v1"}]}, "a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}}`), want: "lead in a circle"},
		"SchemaItself":       {reason: "A reference to itself, with its signs escaped.", tree: custom(`{"definitions": {"io.acme.v1.App": {"properties": {"spec": {"\u0024ref": "#/definitions/io.acme.v1.App/properties/%73pec"}}}}}`), want: "lead in a circle"},
		"SchemaAway":         {reason: "A built-in definition may lead back.", tree: custom(`{"definitions": {"io.k8s.api.core.v1.PodSpec": {"$ref": "#/definitions/io.k8s.api.core.v1.PodTemplateSpec/properties/spec"}}}`), want: "a definition that is not its own"},
		"SchemaChain":        {reason: "To go along it from each of its ends would take hours.", tree: custom(chain(20_000)), want: "along more than 10000 ways"},
		"SchemaOverridden":   {reason: "What merges counts less than what stands beside it.", tree: custom("x: &x {b: {type: string}}\ndefinitions: {b: {$ref: '#/definitions/b'}, <<: *x}\n"), want: "lead in a circle"},
		"SchemaCircleInYAML": {reason: "A schema may be YAML, and merge.", tree: custom("x: &x {$ref: '#/definitions/b'}\ndefinitions: {b: {<<: *x}}\n"), want: "lead in a circle"},
		"TypesCircle":        {reason: "The engine follows it until the stack is exhausted.", tree: crd("a: {Schema: {properties: {" + typeFields + ", x: {$ref: b}}}}\nb: {Schema: {properties: {x: {$ref: a}}}}\n"), want: "lead in a circle"},
		"TypesItself":        {reason: "Also in JSON.", tree: crd(`{"a": {"schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {}, "x": {"$ref": "a"}}}}}`), want: "lead in a circle"},
		"TypesInJSON":        {reason: "Not all JSON is YAML.", tree: crd(`{"a": {"Schema": {"description": "\ud83d\ude00", "properties": {"kind": {}, "apiVersion": {}, "metadata": {}, "x": {"$ref": "a"}}}}}`), want: "lead in a circle"},
		"TypesForking":       {reason: "2^40 ways take for ever.", tree: crd(forking(40)), want: "along more than 10000 ways"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			builder := newBuilder(t)
			if _, err := builder.Build(t.Context(), openTree(t, tc.tree), "", tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s want %q, got %.500v", tc.reason, tc.want, err)
			}
			if out, err := builder.Build(t.Context(), openTree(t, plain), "", weirkustomize.Options{}); err != nil || len(out.Objects) != 1 {
				t.Errorf("%s The next build suffers: %v", tc.reason, err)
			}
		})
	}
}

// TestHostileStops holds that nothing is read after a file that was refused, not even to say what else is wrong.
func TestHostileStops(t *testing.T) {
	tree := files{"a.yaml": configMap("a") + "x: " + brackets(600), "b.yaml": "kind: {"}
	_, err := newBuilder(t).Build(t.Context(), openTree(t, tree), "", weirkustomize.Options{})
	if err == nil || !strings.Contains(err.Error(), "failed to decode Kubernetes YAML from a.yaml: YAML is nested") || strings.Contains(err.Error(), "b.yaml") {
		t.Errorf("got %.500v", err)
	}
}

// TestNotHostile holds that the limits leave room for what people have.
func TestNotHostile(t *testing.T) {
	recursive := `{"definitions": {"io.acme.v1.App": {"properties": {"spec": {"$ref": "#/definitions/io.acme.v1.Spec"}}, "x-kubernetes-group-version-kind": [{"group": "acme.io", "kind": "App", "version": "v1"}]},
"io.acme.v1.Spec": {"properties": {"more": {"$ref": "#/definitions/io.acme.v1.Spec"}, "pod": {"$ref": "#/definitions/io.k8s.api.core.v1.PodSpec"}, "parts": {"type": "array", "items": {"$ref": "#/definitions/io.acme.v1.Spec"}}}}}}`
	long := files{"kustomization.yaml": "configMapGenerator: [{name: x, files: [data.json]}]\n", "data.json": "[" + strings.Repeat(`{"k": "\ud83d\ude00 [[[["}, `, 10_000) + "0]"}
	foreign := "x: {definitions: {Pet: {properties: {id: {type: string}, other: {$ref: '#/definitions/Pet/properties/id'}}}}}\n"
	recursiveType := "Node: {schema: {properties: {next: {$ref: Node}}}}\n"
	embedded := custom(recursive)
	embedded["app.yaml"] += foreign
	for name, tree := range map[string]files{
		"Embedded":  embedded,
		"Helper":    crd("a: {Schema: {properties: {" + typeFields + "}}}\n" + recursiveType),
		"TypesData": {"kustomization.yaml": "configMapGenerator: [{name: x, files: [t.yaml]}]\n", "t.yaml": recursiveType},
		"Chain":     custom(chain(300)),
		"Deep":      {"a.yaml": configMap("a") + "x: " + brackets(300)},
		"Recursive": custom(recursive),
		"Types":     crd("a: {Schema: {properties: {" + typeFields + ", x: {$ref: b}}}}\nb: {Schema: {properties: {l: {items: {$ref: a}}}}}\n"),
		"Data":      long,
		"Elsewhere": {"kustomization.yaml": "configMapGenerator: [{name: x, files: [s.json]}]\n", "s.json": `{"definitions": {"x": {"$ref": "other.json#/definitions/x"}, "y": {"$ref": "other.json#/definitions/z/a"}}}`},
		"Text":      {"a.yaml": configMap("a") + "  big: |\n" + strings.Repeat("    [ - : { some, text\n", 20_000)},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := oracle(t, maps.Clone(tree), "", weirkustomize.Options{})
			if err != nil {
				t.Fatal(err)
			}
			out, err := newBuilder(t).Build(t.Context(), openTree(t, tree), "", weirkustomize.Options{})
			if err != nil || string(yamlOf(t, out.Objects)) != string(want) {
				t.Errorf("got %.500v", err)
			}
		})
	}
}

// TestHostileSubstitution expands what would end the process, or keep it busy for good.
func TestHostileSubstitution(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	cases := map[string]struct{ reason, text, value, want string }{
		"Expressions":  {reason: "The library calls itself for each.", text: strings.Repeat("${v}", 200_000), want: "more than 100000 expressions"},
		"Defaults":     {reason: "And for each in another.", text: strings.Repeat("${u:-", 200_000), want: "more than 100000 expressions"},
		"Escapes":      {reason: "And for what it leaves alone.", text: strings.Repeat("$$v", 200_000), want: "more than 100000 expressions"},
		"Growth":       {reason: "A long value may be used often.", text: strings.Repeat("${v}", 1_000), value: long, want: "larger than 16 MiB"},
		"Replacement":  {reason: "Or be put in place of every character of itself.", text: "${v//x/${v}}", value: long, want: "larger than 16 MiB"},
		"Arguments":    {reason: "Or be an argument again and again.", text: "${u:-" + strings.Repeat("${v}", 50) + "}", value: long, want: "larger than 16 MiB"},
		"Trim":         {reason: "A pattern is tried at every place.", text: "${v##*y*y}", value: long, want: "too long to be trimmed"},
		"Deep":         {reason: "A value may be deep.", text: "${v}", value: brackets(1_000), want: "larger, or nested deeper"},
		"AliasesValue": {reason: "Or grow by aliases.", text: "${v}", value: "[&a [x,x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d], [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]]", want: "larger, or nested deeper"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := weirkustomize.Substitute([]weirkustomize.Object{withValue(t, tc.text)}, map[string]string{"v": tc.value}, weirkustomize.SubstituteOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s want %q, got %.300v", tc.reason, tc.want, err)
			}
		})
	}
	fine := map[string]string{"Many": strings.Repeat("${v}", 20_000), "Nested": strings.Repeat("${u:-", 20) + strings.Repeat("}", 20), "Trim": "${v##*-}${v%%-*}", "Replace": "${v//-/${v}}"}
	for name, text := range fine {
		if _, err := weirkustomize.Substitute([]weirkustomize.Object{withValue(t, text)}, map[string]string{"v": "some-value"}, weirkustomize.SubstituteOptions{}); err != nil {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}
