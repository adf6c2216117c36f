// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package depends_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/depends"
)

func name(n string) types.NamespacedName { return types.NamespacedName{Namespace: "ns", Name: n} }

func TestCheck(t *testing.T) {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "dep", Labels: map[string]string{"tier": "db"}}, Data: map[string]string{"state": "up"}}
	ready := depends.State{Object: object, Ready: true}
	cases := map[string]struct {
		reason   string
		state    depends.State
		lookup   error
		expr     string
		additive bool
		want     string
		terminal bool
	}{
		"Ready":         {reason: "A ready dependency passes.", state: ready},
		"Missing":       {reason: "Any error of the lookup counts as not found.", lookup: errors.New("no such object"), want: "dependency 'ns/dep' not found: no such object"},
		"NotReady":      {reason: "One that is not ready stops the run.", state: depends.State{Object: object}, want: "dependency 'ns/dep' is not ready"},
		"OtherRevision": {reason: "Fed by the same source, it has to have applied the revision first.", state: depends.State{Object: object, Ready: true, SameSource: true, AppliedRevision: "main@sha1:a"}, want: "dependency 'ns/dep' revision is not up to date"},
		"SameRevision":  {reason: "Fed by the same source at the same revision it passes.", state: depends.State{Object: object, Ready: true, SameSource: true, AppliedRevision: "main@sha1:b"}},
		"Expression":    {reason: "An expression replaces the built-in rule.", state: depends.State{Object: object}, expr: `dep.data.state == 'up' && self.metadata.name == 'me'`},
		"ExpressionNo":  {reason: "An expression that says no stops the run.", state: ready, expr: `dep.data.state == 'down'`, want: "dependency 'ns/dep' is not ready according to readyExpr eval"},
		"Additive":      {reason: "With the gate the built-in rule has to hold as well.", state: depends.State{Object: object}, expr: `dep.data.state == 'up'`, additive: true, want: "dependency 'ns/dep' is not ready"},
		"BadSyntax":     {reason: "A wrong expression is terminal.", state: ready, expr: `dep.`, terminal: true},
		"NotBool":       {reason: "An expression has to be typed bool.", state: ready, expr: `'up'`, terminal: true},
		"Dynamic":       {reason: "An expression that the checker can only type as dynamic is refused.", state: ready, expr: `dep.data.flag`, terminal: true},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := depends.Checker{Additive: tc.additive, Lookup: func(context.Context, types.NamespacedName) (depends.State, error) { return tc.state, tc.lookup }}
				self := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "me"}}
				err := c.Check(t.Context(), self, "main@sha1:b", []depends.Reference{{NamespacedName: name("dep"), ReadyExpr: tc.expr}})
				if _, ok := errors.AsType[*depends.ExpressionError](err); ok != tc.terminal {
					t.Fatalf("%s\nterminal = %v, want %v (%v)", tc.reason, ok, tc.terminal, err)
				}
				if tc.terminal {
					return
				}
				got := ""
				if err != nil {
					got = err.Error()
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
				}
			})
		})
	}
}

func TestCheckMissingKey(t *testing.T) {
	c := depends.Checker{Lookup: func(context.Context, types.NamespacedName) (depends.State, error) {
		return depends.State{Object: &corev1.ConfigMap{}, Ready: true}, nil
	}}
	err := c.Check(t.Context(), &corev1.ConfigMap{}, "", []depends.Reference{{NamespacedName: name("dep"), ReadyExpr: `dep.data.state == 'up'`}})
	if _, ok := errors.AsType[*depends.NotReadyError](err); !ok {
		t.Errorf("a key that is not there yet may come: want a NotReadyError, got %v", err)
	}
}

func TestCycle(t *testing.T) {
	graph := func(edges map[string][]string) func(types.NamespacedName) []types.NamespacedName {
		return func(n types.NamespacedName) []types.NamespacedName {
			var out []types.NamespacedName
			for _, e := range edges[n.Name] {
				out = append(out, name(e))
			}
			return out
		}
	}
	cases := map[string]struct {
		reason string
		edges  map[string][]string
		want   []string
	}{
		"None":      {reason: "A chain has no cycle.", edges: map[string][]string{"a": {"b"}, "b": {"c"}}},
		"Self":      {reason: "An object may name itself.", edges: map[string][]string{"a": {"a"}}, want: []string{"a", "a"}},
		"Long":      {reason: "The way is named in order.", edges: map[string][]string{"a": {"x", "b"}, "b": {"c"}, "c": {"a"}}, want: []string{"a", "b", "c", "a"}},
		"Elsewhere": {reason: "A cycle that does not contain the start is another object's.", edges: map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b"}}},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			var got []string
			for _, n := range depends.Cycle(name("a"), graph(tc.edges)) {
				got = append(got, n.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
