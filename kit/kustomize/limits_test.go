// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"strings"
	"testing"
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
		"<<: [&x {a: b}, *x]\n", `{"a": "\ud83d\ude00"}`, "? ? a\n", "- - - 1", "definitions: {a: {$ref: '#/definitions/b'}, b: {$ref: '#/definitions/a'}}", "%YAML 1.1\n---\n!!map {}",
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
		if err := checkSchema([]byte(text)); err != nil && !errors.Is(err, errReferenceCycle) && !errors.Is(err, errReferenceAway) {
			t.Errorf("%.100q gives %v", text, err)
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
