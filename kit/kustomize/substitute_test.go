// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	weirkustomize "github.com/weir-gitops/weir/kit/kustomize"
)

// object reads YAML the way a build gives it.
func object(tb testing.TB, text string) weirkustomize.Object {
	tb.Helper()
	content, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	var id struct {
		APIVersion, Kind string
		Metadata         struct{ Name, Namespace string }
	}
	if err := json.Unmarshal(content, &id); err != nil {
		tb.Fatal(err)
	}
	return weirkustomize.Object{
		APIVersion: id.APIVersion, Kind: id.Kind, Name: id.Metadata.Name, Namespace: id.Metadata.Namespace, JSON: content,
	}
}

// withValue returns a ConfigMap whose only value is the text.
func withValue(tb testing.TB, value string) weirkustomize.Object {
	tb.Helper()
	content, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x"}, "data": map[string]any{"v": value},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return weirkustomize.Object{APIVersion: "v1", Kind: "ConfigMap", Name: "x", JSON: content}
}

func valueOf(tb testing.TB, o weirkustomize.Object) any {
	tb.Helper()
	u, err := o.Unstructured()
	if err != nil {
		tb.Fatal(err)
	}
	data, ok := u.Object["data"].(map[string]any)
	if !ok {
		tb.Fatalf("no data in %s", o.JSON)
	}
	return data["v"]
}

// TestExpressions is the table of the contract, section 4.7.
func TestExpressions(t *testing.T) {
	vars := map[string]string{
		"v": "hello", "e": "", "path": "a/b/c.tar.gz", "q": "world", "up": "HELLO", "aa": "banana",
		"n": "8080", "nl": "one\ntwo\n",
	}
	const (
		noBrace  = "missing closing brace"
		noName   = "unable to parse variable name"
		badSubst = "bad substitution"
	)
	cases := map[string]struct {
		in   string
		want any
		err  string
	}{
		"Plain":               {in: "a ${v} b", want: "a hello b"},
		"Default":             {in: "x${u=d}", want: "xd"},
		"DefaultColon":        {in: "x${u:=d}", want: "xd"},
		"DefaultDash":         {in: "x${u:-d}", want: "xd"},
		"DefaultEmpty":        {in: "x${e:-d}", want: "xd"},
		"DefaultEmptyNoColon": {in: "x${e=d}", want: "xd"},
		"DefaultUnused":       {in: "x${v:-d}", want: "xhello"},
		"DefaultNested":       {in: "x${u:-${q}!}", want: "xworld!"},
		"PlusIsDefault":       {in: "x${u:+d}", want: "xd"},
		"PlusKeepsValue":      {in: "x${v:+d}", want: "xhello"},
		"QuestionIsDefault":   {in: "x${u:?d}", want: "xd"},
		"BareDash":            {in: "${v-d}", err: noBrace},
		"BarePlus":            {in: "${v+d}", err: noBrace},
		"NoBraces":            {in: "$v $(v) $1", want: "$v $(v) $1"},
		"EscapedName":         {in: "$$v", want: "$v"},
		"EscapedBraces":       {in: "$${v}", want: "${v}"},
		"EscapedTwice":        {in: "$$${v}", want: "$hello"},
		"EmptyName":           {in: "${}", err: noName},
		"Spaces":              {in: "${ v }", err: noName},
		"Dot":                 {in: "${v.x}", err: noBrace},
		"Unclosed":            {in: "${v", err: noBrace},
		"BadReplace":          {in: "${v/c}", err: badSubst},
		"Length":              {in: "x${#v}", want: "x5"},
		"UpperFirst":          {in: "${v^}", want: "Hello"},
		"Upper":               {in: "${v^^}", want: "HELLO"},
		"LowerFirst":          {in: "${up,}", want: "hELLO"},
		"Lower":               {in: "${up,,}", want: "hello"},
		"Offset":              {in: "${v:2}", want: "llo"},
		"OffsetLength":        {in: "${v:1:3}", want: "ell"},
		"OffsetNotNumber":     {in: "${v:x}", want: "hello"},
		"OffsetBeyondEnd":     {in: "x${v:9}", want: "x"},
		"OffsetNegative":      {in: "${v: -2}", want: "hello"},
		"NegativeLength":      {in: "${v:0:-1}", want: "hell"},
		"TrimPrefix":          {in: "${path#*/}", want: "b/c.tar.gz"},
		"TrimLongestPrefix":   {in: "${path##*/}", want: "c.tar.gz"},
		"TrimSuffix":          {in: "${path%.*}", want: "a/b/c.tar"},
		"TrimLongestSuffix":   {in: "${path%%.*}", want: "a/b/c"},
		"ReplaceFirst":        {in: "${aa/an/X}", want: "bXana"},
		"ReplaceAll":          {in: "${aa//an/X}", want: "bXXa"},
		"ReplacePrefix":       {in: "${aa/#ba/X}", want: "Xnana"},
		"ReplaceSuffix":       {in: "${aa/%na/X}", want: "banaX"},
		"ReplaceSlash":        {in: `${path/\//X}`, want: "aXb/c.tar.gz"},
		"FirstBraceCloses":    {in: "x${u:=a}b}", want: "xab}"},
		"Number":              {in: "${n}", want: int64(8080)},
		"Newlines":            {in: "x${nl}", want: "xonetwo"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := weirkustomize.Substitute([]weirkustomize.Object{withValue(t, tc.in)}, vars, weirkustomize.SubstituteOptions{Strict: true})
			if tc.err != "" {
				want := "post build failed for 'ConfigMap.v1.[noGrp]/x': envsubst error: variable substitution failed: " + tc.err
				if err == nil || err.Error() != want {
					t.Fatalf("%s gives %v, want %s", tc.in, err, want)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s gives %v", tc.in, err)
			}
			if got := valueOf(t, out[0]); got != tc.want {
				t.Errorf("%s gives %#v, want %#v", tc.in, got, tc.want)
			}
		})
	}
}

func TestSubstitute(t *testing.T) {
	const head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"
	strict := weirkustomize.SubstituteOptions{Strict: true}
	one := map[string]string{"a": "1"}
	cases := map[string]struct {
		reason  string
		text    string
		vars    map[string]string
		options weirkustomize.SubstituteOptions
		want    any
		err     []string
	}{
		"NoVariables":     {reason: "Without variables nothing is run.", text: head + "data: {v: \"${u:-d}\"}", options: strict, want: "${u:-d}"},
		"Always":          {reason: "Unless asked for.", text: head + "data: {v: \"${u:-d}\"}", options: weirkustomize.SubstituteOptions{Always: true}, want: "d"},
		"DisabledLabel":   {reason: "A label opts out.", vars: one, text: head + "  labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}\ndata: {v: \"${a}\"}", want: "${a}"},
		"DisabledAnno":    {reason: "An annotation opts out.", vars: one, text: head + "  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}\ndata: {v: \"${x\"}", want: "${x"},
		"DisabledCase":    {reason: "The value is compared exactly.", vars: one, text: head + "  labels: {kustomize.toolkit.fluxcd.io/substitute: Disabled}\ndata: {v: \"x${a}\"}", want: "x1"},
		"DisabledInvalid": {reason: "Names do not matter to those who opt out.", vars: map[string]string{"1": ""}, text: head + "  labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}\ndata: {v: x}", want: "x"},
		"Boolean":         {reason: "A value may become a boolean.", vars: map[string]string{"a": "true"}, text: head + "data: {v: \"${a}\"}", want: true},
		"QuoteVariable": {
			reason: "A quote variable keeps it a string.", vars: map[string]string{"q": `"`, "a": "true"},
			text: head + "data: {v: \"${q}${a}${q}\"}", want: "true",
		},
		"LooseUnset":   {reason: "An unset variable is empty when not strict.", vars: one, text: head + "data: {v: \"x${u}\"}", want: "x"},
		"StrictSet":    {reason: "A variable that is set but empty is fine.", vars: map[string]string{"e": ""}, options: strict, text: head + "data: {v: \"x${e}\"}", want: "x"},
		"StrictUnset":  {reason: "Row 26.", vars: one, options: strict, text: head + "data: {v: \"${u}\"}", err: []string{`variable not set (strict mode): "u"`}},
		"StrictLength": {reason: "Forms that transform are strict, too.", vars: one, options: strict, text: head + "data: {v: \"${#u}${w^}${x/a/b}\"}", err: []string{`(strict mode): "u"`, `(strict mode): "w"`, `(strict mode): "x"`}},
		"InvalidNames": {
			reason: "Row 27, all of them.", vars: map[string]string{"a-b": "1", "1c": "1", "ok": "1"}, text: head + "data: {v: x}",
			err: []string{
				"envsubst error: '1c' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'",
				"'a-b' var name is invalid, must match",
			},
		},
		"NotYAML":  {reason: "What is no YAML any more is an error.", vars: map[string]string{"a": "x: y: z"}, text: head + "data: {v: \"${a}\"}", err: []string{"envsubst error: YAMLToJSON: "}},
		"Nameless": {reason: "An object must keep a name.", vars: map[string]string{"a": ""}, text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"${a}\"}", err: []string{"failed to decode Kubernetes apiVersion, kind and name"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := weirkustomize.Substitute([]weirkustomize.Object{object(t, tc.text)}, tc.vars, tc.options)
			if len(tc.err) > 0 {
				if err == nil {
					t.Fatalf("%s No error.", tc.reason)
				}
				for _, want := range append(tc.err, "post build failed for 'ConfigMap.v1.[noGrp]/") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s want %q in %v", tc.reason, want, err)
					}
				}
				return
			}
			if err != nil {
				t.Fatalf("%s got %v", tc.reason, err)
			}
			if got := valueOf(t, out[0]); got != tc.want {
				t.Errorf("%s got %#v, want %#v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestSubstituteAll(t *testing.T) {
	objects := []weirkustomize.Object{
		object(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: one}\nspec: {a: \"${x}\"}"),
		object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}"),
		object(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: three}\ndata: {a: \"${y}\", b: \"${z:-1}\"}"),
	}
	_, err := weirkustomize.Substitute(objects, map[string]string{"a": "1"}, weirkustomize.SubstituteOptions{Strict: true})
	want := `post build failed for 'Deployment.v1.apps/one': envsubst error: variable substitution failed: variable not set (strict mode): "x"
post build failed for 'Secret.v1.[noGrp]/three': envsubst error: variable substitution failed: variable not set (strict mode): "y"`
	if err == nil || err.Error() != want {
		t.Errorf("everything that is wrong must be said at once: %v", err)
	}
}

// TestUnsubstituted is row 25: what variables cannot be read for is named, unless nothing asks for them.
func TestUnsubstituted(t *testing.T) {
	out := object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: out, labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}")
	in := object(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: in}")
	cause := errors.New("substitute from 'ConfigMap/absent' error: not found")
	cases := map[string]struct {
		reason  string
		objects []weirkustomize.Object
		want    string
	}{
		"Nothing": {reason: "No object needs no variables."},
		"OptOut":  {reason: "Nor does one that opts out.", objects: []weirkustomize.Object{out}},
		"First":   {reason: "The first that does is named, and the cause once.", objects: []weirkustomize.Object{out, in, in}, want: "post build failed for 'Deployment.v1.apps/in': " + cause.Error()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := weirkustomize.Unsubstituted(tc.objects, cause); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSubstituteIdentity(t *testing.T) {
	before := object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"${n}\", namespace: \"${n}\"}")
	out, err := weirkustomize.Substitute([]weirkustomize.Object{before}, map[string]string{"n": "prod"}, weirkustomize.SubstituteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Name != "prod" || out[0].Namespace != "prod" {
		t.Errorf("identity after substitution: %s/%s", out[0].Namespace, out[0].Name)
	}
	if before.Name != "${n}" {
		t.Error("the input was changed")
	}
}

// TestSubstituteSecret holds that no message shows a value, whole or in part.
func TestSubstituteSecret(t *testing.T) {
	const prefix = "post build failed for 'Secret.v1.[noGrp]/"
	cases := map[string]struct {
		reason, text, value, want string
	}{
		"Nameless":  {reason: "The object is named as it was.", text: "metadata: {name: \"${empty}\"}\ndata: {a: \"${v}\"}", value: "hunter2secret", want: prefix + "${empty}': failed to decode Kubernetes apiVersion, kind and name from: the object has no name after substitution"},
		"WrongType": {reason: "A number in place of the name is not quoted.", text: "metadata: {name: \"${v}\"}", value: "48151623", want: prefix + "${v}': failed to decode Kubernetes apiVersion, kind and name from: the object has fields of a wrong type after substitution"},
		"Anchor":    {reason: "The YAML library quotes anchors.", text: "metadata: {name: x}\ndata: {a: \"${v}\"}", value: "*hunter2secret", want: prefix + "x': envsubst error: YAMLToJSON: yaml: the object is not valid YAML after substitution"},
		"Part":      {reason: "It may quote a part.", text: "metadata: {name: x}\ndata: {a: \"${v}\"}", value: "!!binary hunter2-secret", want: prefix + "x': envsubst error: YAMLToJSON: yaml: the object is not valid YAML after substitution"},
		"Key":       {reason: "It quotes keys.", text: "metadata: {name: x}\ndata: {a: \"${v}\"}", value: "{[hunter2secret]: 1}", want: prefix + "x': envsubst error: YAMLToJSON: yaml: the object is not valid YAML after substitution"},
		"Line":      {reason: "The line is told where it is known.", text: "metadata: {name: x}\ndata: {a: \"${v}\"}", value: "hunter: 2: secret", want: prefix + "x': envsubst error: YAMLToJSON: yaml: line 3: the object is not valid YAML after substitution"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := object(t, "apiVersion: v1\nkind: Secret\n"+tc.text)
			_, err := weirkustomize.Substitute([]weirkustomize.Object{in}, map[string]string{"v": tc.value, "empty": ""}, weirkustomize.SubstituteOptions{})
			if err == nil {
				t.Fatalf("%s No error.", tc.reason)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestSubstituteUntouched holds the short cut for objects without a dollar sign to the long way.
func TestSubstituteUntouched(t *testing.T) {
	for name, tc := range rendered {
		built, err := newBuilder(t).Build(t.Context(), openTree(t, tc.tree), tc.path, tc.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range built.Objects {
			text, err := object.YAML()
			if err != nil {
				t.Fatal(err)
			}
			again, err := yaml.YAMLToJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(object.JSON), string(again)); diff != "" {
				t.Errorf("%s: YAML and back differs: %s", name, diff)
			}
		}
	}
}

// FuzzSubstitute feeds foreign expressions and values: no panic, and a valid object or an error.
func FuzzSubstitute(f *testing.F) {
	for _, seed := range []string{"${v}", "${v:0:-1}", "${v:-${u:-d}}", "$${v}", "${v//a/b}", "${", "${v%%*}", "${#v}", "${v:99999999999999999999}"} {
		f.Add(seed, "value", true)
	}
	f.Add("x", "a: [", false)
	f.Fuzz(func(t *testing.T, text, value string, strict bool) {
		in := withValue(t, text)
		out, err := weirkustomize.Substitute([]weirkustomize.Object{in}, map[string]string{"v": value}, weirkustomize.SubstituteOptions{Strict: strict})
		if err != nil {
			return
		}
		if len(out) != 1 || out[0].Name == "" || !json.Valid(out[0].JSON) {
			t.Errorf("%q with %q gives %+v", text, value, out)
		}
	})
}

// FuzzBuild feeds foreign kustomization files and manifests: no panic, no way out of the artifact.
func FuzzBuild(f *testing.F) {
	for _, tc := range rendered {
		f.Add(tc.tree["kustomization.yaml"], tc.tree["a.yaml"])
	}
	f.Add("resources: [a.yaml, ../../../../etc/hosts]", configMap("a"))
	f.Add("patches: [{patch: '- op: add'}]\nresources: [a.yaml]", deployment)
	f.Add("vars: [{name: x, objref: {kind: ConfigMap, name: a}}]\nresources: [a.yaml]\nnamespace: [x]", "&a [*a]")
	builder := newBuilder(f)
	f.Fuzz(func(t *testing.T, kustomization, manifest string) {
		tree := openTree(t, files{"app/kustomization.yaml": kustomization, "app/a.yaml": manifest})
		if strings.Contains(strings.ToLower(kustomization), "openapi") {
			return // parses the whole schema each time
		}
		out, err := builder.Build(t.Context(), tree, "app", weirkustomize.Options{NamePrefix: "x-"})
		if err != nil {
			return
		}
		for _, object := range out.Objects {
			if object.Kind == "" || !json.Valid(object.JSON) {
				t.Errorf("built %+v", object)
			}
		}
	})
}
