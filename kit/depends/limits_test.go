// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package depends_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/depends"
)

// numbers is a list literal of n zeros.
func numbers(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]" }

func nested(depth int, list string) string {
	expr := "true"
	for i := range depth {
		expr = fmt.Sprintf("%s.all(x%d, %s)", list, i, expr)
	}
	return expr
}

func checkExpression(t *testing.T, expr string) error {
	t.Helper()
	c := depends.Checker{Lookup: func(context.Context, types.NamespacedName) (depends.State, error) {
		return depends.State{Object: &corev1.ConfigMap{Data: map[string]string{"a": "b", "big": strings.Repeat("x", 100_000)}}}, nil
	}}
	return c.Check(t.Context(), &corev1.ConfigMap{}, "", []depends.Reference{{NamespacedName: name("dep"), ReadyExpr: expr}})
}

func TestCheckLimits(t *testing.T) {
	const terminal, refused = true, "failed to evaluate dependency dep: CEL expression too complex: "
	square := "['" + strings.Repeat("x", 300) + "']" + strings.Repeat(".map(a, a.replace('', a))", 4) + ".all(a, a != '')"
	cases := map[string]struct {
		reason   string
		expr     string
		want     string // start of the text, or a part of it where it is not terminal
		terminal bool
	}{
		"Two":           {reason: "Two loops are fine.", expr: nested(2, numbers(100))},
		"Three":         {reason: "Three are not.", expr: nested(3, "[1]"), want: refused + "loops are nested more than 2 deep", terminal: terminal},
		"Eight":         {reason: "Eight took 15 seconds.", expr: nested(8, numbers(10)), want: refused + "loops are nested more than 2 deep", terminal: terminal},
		"InArguments":   {reason: "Loops count wherever they are.", expr: "size({'a': [" + nested(3, "[1]") + "]}) > 0", want: refused + "loops are nested", terminal: terminal},
		"InTarget":      {reason: "One loop after the other is fine.", expr: "[1].map(a, a + 1).map(b, b + 1).map(c, c + 1).all(d, d > 0)"},
		"Product":       {reason: "The lists multiply.", expr: nested(2, numbers(101)), want: refused + "nested loops over lists of more than 10000 steps", terminal: terminal},
		"Long":          {reason: "The text is limited, and not repeated.", expr: "true" + strings.Repeat(" ", 4096), want: "failed to evaluate dependency dep: CEL expression too long: 4100 bytes, at most 4096 are allowed", terminal: terminal},
		"Optionals":     {reason: "A few of them are fine.", expr: "optional.of(1)" + strings.Repeat(".optMap(a, a)", 4) + ".hasValue()"},
		"ManyOptionals": {reason: "Each doubles the work of compiling.", expr: "optional.of(1)" + strings.Repeat(".optMap(a, a)", 40) + ".hasValue()", want: refused + "more than 4 calls of optMap and optFlatMap", terminal: terminal},
		"BrokenAtEnd":   {reason: "A text with a mistake is not compiled either.", expr: "optional.of(1)" + strings.Repeat(".optMap(a, a)", 40) + ".", want: "failed to evaluate dependency dep: failed to parse the CEL expression '", terminal: terminal},
		"Computed":      {reason: "Lists that are not written out are limited when it runs.", expr: numbers(500) + ".map(a, " + numbers(20) + ").all(a, ('" + strings.Repeat("x", 500) + "').split('').all(b, b != ''))", want: "failed to evaluate the CEL expression"},
		"Strings":       {reason: "So are strings.", expr: square, want: "actual cost limit exceeded"},
		"Joined":        {reason: "So are strings of other functions.", expr: "['" + strings.Repeat("x", 300) + "']" + strings.Repeat(".map(a, a+a+a+a+a+a)", 9) + ".all(a, a != '')", want: "actual cost limit exceeded"},
		"Replace":       {reason: "What is bounded works as before.", expr: "'abab'.replace('a', 'x') == 'xbxb' && 'abab'.replace('a', 'x', 1) == 'xbab' && 'abab'.replace('a', 'x', 0) == 'abab' && dep.data.a.replace('b', 'c') == 'c'"},
		"Sets":          {reason: "What is bounded works as before.", expr: "sets.contains([1, 2], [2]) && !sets.contains([1], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.equivalent([1], [1, 2]) && sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [2])"},
		"LargeSets":     {reason: "Each with each of these would take minutes.", expr: "sets.intersects(dep.data.big.split(''), dep.data.big.upperAscii().split(''))", want: "failed to evaluate the CEL expression"},
		"OtherSets":     {reason: "The list of the object counts, too.", expr: "sets.intersects(dep.data.big.split(''), ['" + strings.Repeat("y','", 50) + "y'])", want: "failed to evaluate the CEL expression"},
		"LargeReplace":  {reason: "This would take gigabytes.", expr: "dep.data.big.replace('', dep.data.big) != ''", want: "replace makes a string of more than 1000000 bytes"},
		"LargeJoin":     {reason: "This, too.", expr: "dep.data.big.split('').join(dep.data.big) != ''", want: "join makes a string of more than 1000000 bytes"},
		"Join":          {reason: "What is bounded works as before.", expr: "['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'"},
		"Lists":         {reason: "So are lists.", expr: "[[1]]" + strings.Repeat(".map(a, a+a+a+a+a+a+a+a)", 40) + ".all(a, a.size() > 0)", want: "actual cost limit exceeded"},
		"Filter":        {reason: "What loops over a large object is not.", expr: numbers(1500) + ".filter(a, a == 0).map(a, a + 1).size() == 1500"},
		"Has":           {reason: "Macros that are no loops work.", expr: "has(dep.data.a) && dep.data.?a.hasValue()"},
	}
	for key, tc := range cases {
		// In a bubble time stands still while anything computes: a busy machine must not turn a limit of cost into one of time.
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := checkExpression(t, tc.expr)
				if tc.want == "" {
					if err != nil {
						t.Errorf("%s got %v", tc.reason, err)
					}
					return
				}
				if _, ok := errors.AsType[*depends.ExpressionError](err); ok != tc.terminal {
					t.Fatalf("%s terminal = %v, want %v (%v)", tc.reason, ok, tc.terminal, err)
				}
				if text := err.Error(); !strings.Contains(text, tc.want) || tc.terminal && !strings.HasPrefix(text, tc.want) {
					t.Errorf("%s want %q, got %q", tc.reason, tc.want, text)
				}
			})
		})
	}
}

// FuzzCheck feeds foreign expressions: an answer or an error, soon and without a panic.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"true", "dep.data.a == 'b'", nested(3, "[1]"), "[1].map(a, [a, a]).size() > 0", "optional.of(1).optMap(a, a).hasValue()", "{1: 2}.all(k, k > 0)", "a.b{c: 1}", "((", "'\xff'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		err := checkExpression(t, expr)
		if err == nil {
			return
		}
		_, wrong := errors.AsType[*depends.ExpressionError](err)
		_, notReady := errors.AsType[*depends.NotReadyError](err)
		if !wrong && !notReady {
			t.Errorf("%q gives %v of type %T", expr, err, err)
		}
	})
}

// TestCycleLong needs minutes where each step costs as much as the way is long.
func TestCycleLong(t *testing.T) {
	const length = 100_000
	next := make(map[types.NamespacedName][]types.NamespacedName, length)
	for i := range length {
		next[name(fmt.Sprint(i))] = []types.NamespacedName{name(fmt.Sprint(i + 1))}
	}
	refs := func(n types.NamespacedName) []types.NamespacedName { return next[n] }
	if way := depends.Cycle(name("0"), refs); way != nil {
		t.Errorf("a chain has no cycle, got %d names", len(way))
	}
	next[name(fmt.Sprint(length))] = []types.NamespacedName{name("0")}
	if way := depends.Cycle(name("0"), refs); len(way) != length+2 {
		t.Errorf("the way has %d names, want %d", len(way), length+2)
	}
}
