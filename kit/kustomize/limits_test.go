// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// TestGlance holds that a look at the bytes never shows less than there is.
func TestGlance(t *testing.T) {
	for name, text := range map[string]string{
		"Block":     "a:\n  b:\n  - c: 1\n    d: [1, {e: f}]\n",
		"Compact":   "- - - - 1\n- - 2\n",
		"Question":  "? ? a\n  : b\n: c\n",
		"JSON":      `{"a": {"b": ["]", "}", {"c": null}]}}`,
		"Scalar":    "a",
		"Folded":    "a: >\n  b\n  c\nd:\n- e\n",
		"Documents": "a: b\n---\nc: d\n",
		"AfterKey":  "? x\n: " + strings.Repeat("- ", 150) + "1\n",
		"AfterMark": "\ufeff" + strings.Repeat("- ", 150) + "1\n",
	} {
		t.Run(name, func(t *testing.T) { holdsGlance(t, text) })
	}
}

// holdsGlance compares a look at the bytes with what is there.
func holdsGlance(t *testing.T, text string) {
	t.Helper()
	seen, nodes, depth := glanceAt([]byte(text)), 0, 0
	if seen.deserves([]byte(text)) {
		return // nothing is concluded from it
	}
	for _, document := range documents(text) {
		root, ok := parseDocument(document)
		if !ok {
			continue
		}
		size, err := (&expansion{nesting: 1}).size(root)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		nodes, depth = nodes+size.nodes, max(depth, size.depth)
	}
	// Some nodes have no sign of their own: one for each document, and one for each level at most.
	if bound := 2*seen.nodes + 2*(strings.Count(text, "---")+1) + len(text)/nodeBytes; nodes > bound {
		t.Errorf("%q has %d nodes, and shows %d", text, nodes, bound)
	}
	if bound := seen.depth + 3; depth > bound {
		t.Errorf("%q is %d deep, and shows %d", text, depth, bound)
	}
}

// FuzzLimits looks at foreign bytes: no panic, and no document that the engine would write out deeper than allowed.
func FuzzLimits(f *testing.F) {
	for _, seed := range []string{
		"a: &a [*a]", "a: {b: c}\n---\n- d\n", `{"a": {"$ref": "#/a"}}`, "a: {Schema: {properties: {kind: {}, apiVersion: {}, metadata: {}, x: {$ref: a}}}}",
		"<<: [&x {a: b}, *x]\n", `{"a": "\ud83d\ude00"}`, "? ? a\n", "- - - 1", "? x\n: - - - - - - 1\n", "\ufeff- - - - - - 1\n", "definitions: {a: {$ref: '#/definitions/b'}, b: {$ref: '#/definitions/a'}}", "%YAML 1.1\n---\n!!map {}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := checkYAML([]byte(text))
		if err == nil && depthOf([]byte(text)) > maxDepth && strings.HasPrefix(text, "{") {
			if _, ok := parseDocument(text); ok {
				t.Errorf("%.100q is too deep", text)
			}
		}
		for _, check := range []func(*yaml.Node) error{checkDefinitions, checkTypes} {
			if err != nil {
				break // nothing else gets it
			}
			if err := eachDocument([]byte(text), check); err != nil && !errors.Is(err, errReferenceCycle) && !errors.Is(err, errReferenceAway) && !errors.Is(err, errReferences) {
				t.Errorf("%.100q gives %v", text, err)
			}
		}
		holdsGlance(t, text)
	})
}

// TestBudget holds what one build may read: few files that refer to each other again and again are many objects.
func TestBudget(t *testing.T) {
	cases := map[string]struct {
		reason              string
		reads, bytes, nodes int
		want                error
	}{
		"Reads": {reason: "Files count each time.", reads: maxBuildReads + 1, want: errBuildReads},
		"Bytes": {reason: "So do their bytes.", reads: 65, bytes: 1 << 20, want: errBuildBytes},
		"Nodes": {reason: "And their nodes.", reads: 5, nodes: maxNodes, want: errBuildNodes},
		"Fine":  {reason: "What fits fits.", reads: maxBuildReads, bytes: maxBuildBytes / maxBuildReads, nodes: maxBuildNodes / maxBuildReads},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var p policy
			var err error
			for range tc.reads {
				err = p.spend(tc.bytes, tc.nodes)
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("%s got %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
	if err := (extent{nodes: maxNodes + 1}).check(); !errors.Is(err, errTooMany) {
		t.Errorf("got %v", err)
	}
}

// TestUnparsed holds that what would take the memory is refused by its signs: this does not even parse.
func TestUnparsed(t *testing.T) {
	if _, err := checkYAML([]byte("x: [" + strings.Repeat("0,", maxSigns))); !errors.Is(err, errTooMany) {
		t.Errorf("got %v", err)
	}
}

// TestLines holds that every line of a text is indented, not every text.
func TestLines(t *testing.T) {
	text := "x: &t |\n" + strings.Repeat("  a\n", 200_000)
	for i := range 400 {
		text += strings.Repeat(" ", i) + "y:\n"
	}
	for _, sign := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if got := linesOf("a" + sign + "b"); got != 2 {
			t.Errorf("%q: %d", sign, got)
		}
	}
	if _, err := checkYAML([]byte(text + strings.Repeat(" ", 400) + "- *t\n")); !errors.Is(err, errTooWide) {
		t.Errorf("got %v", err)
	}
}

// TestRoles holds for which files what counts.
func TestRoles(t *testing.T) {
	file := []byte("crds: [types.yaml, ../up.yaml]\nopenapi: {path: schema.yaml}\nconfigMapGenerator: [{name: x, files: [k=data.json], envs: [e]}]\n")
	circle := []byte("a: {Schema: {properties: {kind: {}, apiVersion: {}, metadata: {}, x: {$ref: a}}}}\ndefinitions: {b: {$ref: '#/definitions/b'}}\n")
	many := []byte("[" + strings.Repeat("0,", glanceNodes+1) + "0]")
	cases := map[string]struct {
		reason, name string
		content      []byte
		want         error
		nodes        int
	}{
		"Types":    {reason: "What crds names is read as types.", name: "/artifact/app/types.yaml", content: circle, want: errReferenceCycle},
		"Above":    {reason: "Wherever it is.", name: "/artifact/up.yaml", content: circle, want: errReferenceCycle},
		"Schema":   {reason: "What openapi names is read as definitions.", name: "/artifact/app/schema.yaml", content: circle, want: errReferenceCycle},
		"Other":    {reason: "Anything else may hold what it likes.", name: "/artifact/app/other.yaml", content: circle},
		"Data":     {reason: "Nobody parses what a generator takes.", name: "/artifact/app/data.json", content: many},
		"Env":      {reason: "Of any kind.", name: "/artifact/app/e", content: many},
		"Resource": {reason: "What was parsed counts.", name: "/artifact/app/many.yaml", content: many, nodes: glanceNodes + 3},
		"Small":    {reason: "What was not does not.", name: "/artifact/app/few.yaml", content: many[:glanceNodes]},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := policy{allowSchema: true}
			if err := p.check("/artifact/app/kustomization.yaml", file, true); err != nil {
				t.Fatal(err)
			}
			if err := p.check(tc.name, tc.content, false); !errors.Is(err, tc.want) {
				t.Errorf("%s got %v, want %v", tc.reason, err, tc.want)
			}
			if p.nodes != tc.nodes {
				t.Errorf("%s got %d nodes, want %d", tc.reason, p.nodes, tc.nodes)
			}
		})
	}
}

// TestRefused holds that nothing looks into a file that was refused.
func TestRefused(t *testing.T) {
	p := policy{allowRemote: true}
	if err := p.check("/artifact/kustomization.yaml", []byte("resources: [https://example.com/a]\nx: "+strings.Repeat("[", 600)+strings.Repeat("]", 600)), true); !errors.Is(err, errTooDeep) || p.remote {
		t.Errorf("got %v, %t", err, p.remote)
	}
}
