// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/weir-gitops/weir/kit/expression"
)

func TestTemplate(t *testing.T) {
	cases := map[string]struct {
		reason, text, want string
		compiles, fails    bool
	}{
		"Literal":     {reason: "A string is a template.", text: "'a'", want: "a", compiles: true},
		"Joined":      {reason: "A field with a literal is statically a string.", text: "'x/' + event.a", want: "x/1", compiles: true},
		"Converted":   {reason: "A field is one after conversion.", text: "string(event.a)", want: "1", compiles: true},
		"Dynamic":     {reason: "A bare field could be anything.", text: "event.a"},
		"Undeclared":  {reason: "Only the variables of the language exist.", text: "string(other.a)"},
		"Broken":      {reason: "A text that does not parse is refused.", text: "'"},
		"MissingKey":  {reason: "A missing key shows when it is evaluated.", text: "string(event.b)", compiles: true, fails: true},
		"LimitedCost": {reason: "What it makes is bounded.", text: "'' + event.big + event.big", compiles: true, fails: true},
		"Optional":    {reason: "Optionals are part of the language.", text: "string(event.?b.orValue('none'))", want: "none", compiles: true},
	}
	language, err := expression.New("event")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]any{"event": map[string]any{"a": "1", "big": strings.Repeat("x", 10_000)}}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				template, err := language.Template(tc.text)
				if (err == nil) != tc.compiles {
					t.Fatalf("%s got %v", tc.reason, err)
				}
				if err != nil {
					return
				}
				got, err := template.Text(t.Context(), variables)
				if (err != nil) != tc.fails || got != tc.want {
					t.Errorf("%s got %q, %v", tc.reason, got, err)
				}
			})
		})
	}
}

func TestCondition(t *testing.T) {
	language, err := expression.New("res", "req")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := language.Condition("'text'"); err == nil {
		t.Error("a condition is true or false, not a string")
	}
	condition, err := language.Condition("res.name in [req.tag, req.tag]")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for tag, want := range map[string]bool{"a": true, "c": false} {
			variables := map[string]any{"res": map[string]any{"name": "a"}, "req": map[string]any{"tag": tag}}
			if got, err := condition.Holds(t.Context(), variables); err != nil || got != want {
				t.Errorf("tag %s: got %t, %v", tag, got, err)
			}
		}
		if got, err := condition.Holds(t.Context(), map[string]any{"res": map[string]any{}, "req": map[string]any{}}); err == nil || got {
			t.Errorf("a missing key is an error, got %t, %v", got, err)
		}
	})
}

// TestMatches holds that a regular expression, which may come from a request, cannot keep a core busy: nothing can interrupt it.
func TestMatches(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		want, fails  bool
	}{
		"Member":      {reason: "Called on a text.", text: "req.tag.matches('^v[0-9]+$')", want: true},
		"Function":    {reason: "Called with a text.", text: "matches(req.tag, '^x')"},
		"Broken":      {reason: "One that does not compile is an error.", text: "req.tag.matches('(')", fails: true},
		"LongPattern": {reason: "The pattern is bounded.", text: "req.tag.matches(req.pattern)", fails: true},
		"ManySteps":   {reason: "So is what repetitions make of it.", text: "req.long.matches('((a|b){30}){30}c')", fails: true},
	}
	language, err := expression.New("req")
	if err != nil {
		t.Fatal(err)
	}
	request := map[string]any{"tag": "v1", "pattern": strings.Repeat("(a|b)*", 50_000), "long": strings.Repeat("a", 100_000)}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				condition, err := language.Condition(tc.text)
				if err != nil {
					t.Fatal(err)
				}
				got, err := condition.Holds(t.Context(), map[string]any{"req": request})
				if (err != nil) != tc.fails || got != tc.want {
					t.Errorf("%s got %t, %.200v", tc.reason, got, err)
				}
			})
		})
	}
}

// TestOpen holds that an expression over an object of any shape has the limits of all others.
func TestOpen(t *testing.T) {
	cases := map[string]struct {
		reason, text          string
		compiles, fails, want bool
	}{
		"Field":       {reason: "The fields of the object are variables.", text: "status.phase == 'Up' && spec.size > 1.5", compiles: true, want: true},
		"Conditions":  {reason: "Loops work over what is there.", text: "status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", compiles: true, want: true},
		"Functions":   {reason: "So do extensions and what is bounded of them.", text: "status.phase.matches('^U') && sets.contains(status.list, [1]) && status.phase.replace('U', 'X') == 'Xp'", compiles: true, want: true},
		"Optional":    {reason: "And optionals.", text: "status.?absent.orValue(true)", compiles: true, want: true},
		"Missing":     {reason: "What is not there shows when it is evaluated.", text: "status.absent == 'x'", compiles: true, fails: true},
		"NoObject":    {reason: "So does a field that the object does not have.", text: "data.absent == 'x'", compiles: true, fails: true},
		"NoBool":      {reason: "And a wrong type.", text: "status.phase", compiles: true, fails: true},
		"Broken":      {reason: "A text that does not parse is refused.", text: "status.("},
		"Nested":      {reason: "Loops are nested two deep at most.", text: "[1].all(a, [1].all(b, [1].all(c, true)))"},
		"Long":        {reason: "The text is limited.", text: "true" + strings.Repeat(" ", 4096)},
		"Parentheses": {reason: "So is how deep it goes.", text: strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000)},
		"Brackets":    {reason: "In all ways.", text: strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " == []"},
		"Negations":   {reason: "In all ways.", text: strings.Repeat("!", 4000) + "true", compiles: true, want: true},
		"Selections":  {reason: "In all ways.", text: "status" + strings.Repeat(".a", 2000) + " == 1"},
		"LimitedCost": {reason: "So is what it costs.", text: "status.many.all(a, status.many.all(b, a + b >= 0))", compiles: true, fails: true},
		"Growth":      {reason: "And what it makes.", text: "status.big + status.big != ''", compiles: true, fails: true},
		"Pattern":     {reason: "And regular expressions.", text: "status.big.matches('((a|b){30}){30}c')", compiles: true, fails: true},
	}
	language, err := expression.Open()
	if err != nil {
		t.Fatal(err)
	}
	many := make([]any, 2000)
	for i := range many {
		many[i] = int64(i)
	}
	object := map[string]any{"spec": map[string]any{"size": int64(2)}, "status": map[string]any{
		"phase": "Up", "list": []any{int64(1), int64(2)}, "many": many, "big": strings.Repeat("x", 100_000),
		"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
	}}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				condition, err := language.Condition(tc.text)
				if (err == nil) != tc.compiles {
					t.Fatalf("%s got %v", tc.reason, err)
				}
				if err != nil {
					return
				}
				got, err := condition.Holds(t.Context(), object)
				if (err != nil) != tc.fails || got != tc.want {
					t.Errorf("%s got %t, %.200v", tc.reason, got, err)
				}
			})
		})
	}
}

// TestLanguage holds what the contract of notification-controller (6.2) promises of the language.
func TestLanguage(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		refused      bool
	}{
		"Strings":       {reason: "The extension for strings.", text: "req.name.lowerAscii().split('-')[0] == 'web' && 'a,b'.replace(',', '') == 'ab' && ['a', 'b'].join('+') == 'a+b'"},
		"Format":        {reason: "With formats.", text: "'%s is %d'.format(['x', 1]) == 'x is 1'"},
		"Sets":          {reason: "The extension for sets.", text: "sets.contains(['a', 'b'], ['b']) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])"},
		"Encoders":      {reason: "The extension for encodings.", text: "string(base64.decode('aGk=')) == 'hi' && base64.encode(b'hi') == 'aGk='"},
		"First":         {reason: "First and last are optional.", text: "req.list.first().value() == 'a' && req.list.last().value() == 'b'"},
		"FirstOfNone":   {reason: "Those of an empty list are none.", text: "!req.none.first().hasValue() && req.none.last().orValue('x') == 'x'"},
		"Optional":      {reason: "A field that may be missing.", text: "req.?nope.orValue('x') == 'x' && req.?name.hasValue()"},
		"Numbers":       {reason: "JSON has one kind of number, which is compared with any.", text: "req.number == 3 && req.number < 4u && 2 < req.number && 3.0 == req.number"},
		"UTC":           {reason: "Times are in UTC unless said otherwise.", text: "timestamp('2026-01-02T23:30:00+02:00').getHours() == 21"},
		"Dynamic":       {reason: "Fields of any depth.", text: "req.deep.er[0].x == 'y' && has(req.deep.er) && !has(req.deep.nope) && size(req.deep) == 1"},
		"Macros":        {reason: "Loops.", text: "req.list.exists(e, e == 'a') && req.list.all(e, e != 'c') && req.list.filter(e, e > 'a').size() == 1"},
		"Heterogeneous": {reason: "Lists as written hold one type.", text: "size(['a', 1]) == 2", refused: true},
		"NotBool":       {reason: "A field could be anything.", text: "req.flag", refused: true},
		"Unknown":       {reason: "Only the variables of the language exist.", text: "claims.sub == 'x'", refused: true},
	}
	language, err := expression.New("req")
	if err != nil {
		t.Fatal(err)
	}
	request := map[string]any{
		"name": "Web-Shop", "list": []any{"a", "b"}, "none": []any{}, "number": 3.0, "flag": true,
		"deep": map[string]any{"er": []any{map[string]any{"x": "y"}}},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				condition, err := language.Condition(tc.text)
				if (err != nil) != tc.refused {
					t.Fatalf("%s got %v", tc.reason, err)
				}
				if tc.refused {
					return
				}
				if got, err := condition.Holds(t.Context(), map[string]any{"req": request}); err != nil || !got {
					t.Errorf("%s got %t, %v", tc.reason, got, err)
				}
			})
		})
	}
}
