// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/helm-controller/internal/values"
	"github.com/weir-gitops/weir/kit/helmchart"
)

// objects is a Reader over "Kind/name/key" -> data. It counts how often each object is read.
type objects struct {
	data  map[string]string
	fail  error
	reads map[string]int
}

func (o *objects) Read(_ context.Context, kind string, name types.NamespacedName) (map[string][]byte, error) {
	if o.reads == nil {
		o.reads = map[string]int{}
	}
	o.reads[kind+"/"+name.Name]++
	if o.fail != nil {
		return nil, o.fail
	}
	found := map[string][]byte{}
	for id, data := range o.data {
		if key, ok := strings.CutPrefix(id, kind+"/"+name.Name+"/"); ok {
			found[key] = []byte(data)
		}
	}
	if len(found) == 0 {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: strings.ToLower(kind) + "s"}, name.Name)
	}
	return found, nil
}

func configMap(name string) meta.ValuesReference {
	return meta.ValuesReference{Kind: "ConfigMap", Name: name}
}

func at(ref meta.ValuesReference, path string) meta.ValuesReference {
	ref.TargetPath = path
	return ref
}

func optional(ref meta.ValuesReference) meta.ValuesReference {
	ref.Optional = true
	return ref
}

func inline(text string) *apiextensionsv1.JSON {
	if text == "" {
		return nil
	}
	return &apiextensionsv1.JSON{Raw: []byte(text)}
}

func TestCompose(t *testing.T) {
	cases := map[string]struct {
		reason string
		from   []meta.ValuesReference
		data   map[string]string
		inline string
		want   map[string]any
	}{
		"Nothing": {
			reason: "No values are an empty map.",
			want:   map[string]any{},
		},
		"InlineNull": {
			reason: "A null in the inline values stays, so that Helm removes a default.",
			from:   []meta.ValuesReference{configMap("a")},
			data:   map[string]string{"ConfigMap/a/values.yaml": "x: 1\nz: 2"},
			inline: `{"x": null}`,
			want:   map[string]any{"x": nil, "z": float64(2)},
		},
		"InlineOverTopLevelPath": {
			reason: "Inline values win over a targetPath at the top level (Q4).",
			from:   []meta.ValuesReference{at(configMap("a"), "foo")},
			data:   map[string]string{"ConfigMap/a/values.yaml": "target"},
			inline: `{"foo": "inline"}`,
			want:   map[string]any{"foo": "inline"},
		},
		"NestedPathOverInline": {
			reason: "A targetPath below a map of the inline values wins: it is set in that very map (Q4).",
			from:   []meta.ValuesReference{at(configMap("a"), "n.y")},
			data:   map[string]string{"ConfigMap/a/values.yaml": "target"},
			inline: `{"n": {"y": "inline"}}`,
			want:   map[string]any{"n": map[string]any{"y": "target"}},
		},
		"InlineOverNestedPathAfterWhole": {
			reason: "After a whole reference has the same map the targetPath is set in a merged copy, and inline values win again (Q4).",
			from:   []meta.ValuesReference{configMap("w"), at(configMap("a"), "n.y")},
			data:   map[string]string{"ConfigMap/w/values.yaml": "\"n\": {x: 1}", "ConfigMap/a/values.yaml": "target"},
			inline: `{"n": {"y": "inline"}}`,
			want:   map[string]any{"n": map[string]any{"x": float64(1), "y": "inline"}},
		},
		"SecondPath": {
			reason: "Of two targetPaths over an inline value the first stays (Q4).",
			from:   []meta.ValuesReference{at(configMap("a"), "n.y"), at(configMap("b"), "n.y")},
			data:   map[string]string{"ConfigMap/a/values.yaml": "target", "ConfigMap/b/values.yaml": "target2"},
			inline: `{"n": {"y": "inline"}}`,
			want:   map[string]any{"n": map[string]any{"y": "target"}},
		},
		"LaterWhole": {
			reason: "A later reference wins over an earlier targetPath.",
			from:   []meta.ValuesReference{at(configMap("a"), "n.y"), configMap("w")},
			data:   map[string]string{"ConfigMap/a/values.yaml": "target", "ConfigMap/w/values.yaml": "\"n\": {\"y\": late}"},
			want:   map[string]any{"n": map[string]any{"y": "late"}},
		},
		"Quoted": {
			reason: "Data in quotes is a string.",
			from:   []meta.ValuesReference{at(configMap("a"), "a"), at(configMap("b"), "b"), at(configMap("c"), "c")},
			data: map[string]string{
				"ConfigMap/a/values.yaml": `"1"`, "ConfigMap/b/values.yaml": `'true'`, "ConfigMap/c/values.yaml": `1`,
			},
			want: map[string]any{"a": "1", "b": "true", "c": int64(1)},
		},
		"Literal": {
			reason: "Literal data is taken as it is; escapes in the path still work.",
			from: []meta.ValuesReference{
				{Kind: "Secret", Name: "s", TargetPath: `a.b\.c`, Literal: true},
				{Kind: "Secret", Name: "s", ValuesKey: "quoted", TargetPath: `q`, Literal: true},
			},
			data: map[string]string{"Secret/s/values.yaml": `{"x":[1,2],\n}=y`, "Secret/s/quoted": `"1"`},
			want: map[string]any{"a": map[string]any{"b.c": `{"x":[1,2],\n}=y`}, "q": `"1"`},
		},
		"OptionalMissing": {
			reason: "Optional references to missing objects and keys are skipped (Q12).",
			from:   []meta.ValuesReference{optional(configMap("gone")), optional(meta.ValuesReference{Kind: "Secret", Name: "s", ValuesKey: "gone"})},
			data:   map[string]string{"Secret/s/values.yaml": "x: 1"},
			inline: `{"a": "b"}`,
			want:   map[string]any{"a": "b"},
		},
		"YAML11": {
			reason: "The rules of YAML 1.1 apply: y is true.",
			from:   []meta.ValuesReference{configMap("a")},
			data:   map[string]string{"ConfigMap/a/values.yaml": "y: 1"},
			want:   map[string]any{"true": float64(1)},
		},
		"Golden": {
			reason: "The golden case of the contract, 10.2.",
			from: []meta.ValuesReference{
				{Kind: "ConfigMap", Name: "c", ValuesKey: "limits"},
				{Kind: "ConfigMap", Name: "c", ValuesKey: "requests"},
				{Kind: "ConfigMap", Name: "c", ValuesKey: "cpu", TargetPath: "resources.limits.cpu"},
				{Kind: "ConfigMap", Name: "c", ValuesKey: "list", TargetPath: "list.example"},
				{Kind: "ConfigMap", Name: "c", ValuesKey: "item", TargetPath: "list.example[2]"},
				{Kind: "ConfigMap", Name: "c", ValuesKey: "annotation", TargetPath: `podAnnotations.some\.k8s\.annotation\/env`},
				{Kind: "Secret", Name: "s"},
			},
			data: map[string]string{
				"ConfigMap/c/limits":     "resources: {limits: {cpu: 200m, memory: 128Mi}}",
				"ConfigMap/c/requests":   "resources: {requests: {cpu: 100m}}",
				"ConfigMap/c/cpu":        "400m",
				"ConfigMap/c/list":       "{a,b,c}",
				"ConfigMap/c/item":       "d",
				"ConfigMap/c/annotation": "demo",
				"Secret/s/values.yaml":   "serviceAccount: {enabled: true}",
			},
			inline: `{"replicaCount": 2}`,
			want: map[string]any{
				"replicaCount": float64(2),
				"resources": map[string]any{
					"limits": map[string]any{"cpu": "400m", "memory": "128Mi"}, "requests": map[string]any{"cpu": "100m"},
				},
				"list":           map[string]any{"example": []any{"a", "b", "d"}},
				"podAnnotations": map[string]any{"some.k8s.annotation/env": "demo"},
				"serviceAccount": map[string]any{"enabled": true},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reader := &objects{data: tc.data}
			got, err := values.Composition{Namespace: "apps", From: tc.from, Inline: inline(tc.inline), Reader: reader}.Compose(t.Context())
			if err != nil {
				t.Fatalf("%s\nCompose: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			for id, n := range reader.reads {
				if n > 1 {
					t.Errorf("%s was read %d times, want once", id, n)
				}
			}
		})
	}
}

// TestComposeErrors holds the texts that alerts match. Contract 10.3 and the rows about values of 19.
func TestComposeErrors(t *testing.T) {
	data := map[string]string{
		"ConfigMap/c/values.yaml": "- a\n- b", "ConfigMap/c/set": "a,b", "Secret/s/values.yaml": "hunter2", "Secret/s/set": "a,hunter2",
		"ConfigMap/c/bomb": strings.Repeat("x,a[65535]=", 20),
	}
	cases := map[string]struct {
		reason string
		ref    meta.ValuesReference
		fail   error
		want   error
		text   string
	}{
		"ObjectMissing": {
			reason: "A missing object of a required reference fails.",
			ref:    configMap("gone"), want: values.ErrNotFound,
			text: `could not resolve ConfigMap chart values reference 'apps/gone' with key 'values.yaml': configmaps "gone" not found`,
		},
		"KeyMissing": {
			reason: "A missing key of a required reference fails.",
			ref:    meta.ValuesReference{Kind: "Secret", Name: "s", ValuesKey: "gone"}, want: values.ErrKeyNotFound,
			text: "could not resolve Secret chart values reference 'apps/s' with key 'gone': key not found",
		},
		"Kind": {
			reason: "Only two kinds hold values.",
			ref:    meta.ValuesReference{Kind: "Pod", Name: "p"}, want: values.ErrKind,
			text: "could not resolve Pod chart values reference 'apps/p' with key 'values.yaml': unsupported values reference kind",
		},
		"NoMap": {
			reason: "Values have to be a map, also of an optional reference.",
			ref:    optional(configMap("c")), want: values.ErrData,
			text: "could not resolve optional ConfigMap chart values reference 'apps/c' with key 'values.yaml': ",
		},
		"BadSet": {
			reason: "Data has to follow the syntax of --set.",
			ref:    meta.ValuesReference{Kind: "ConfigMap", Name: "c", ValuesKey: "set", TargetPath: "x"}, want: values.ErrMerge,
			text: `could not resolve ConfigMap chart values reference 'apps/c' with key 'set': key "b" has no value`,
		},
		"SecretNoMap": {
			reason: "The content of a Secret is not quoted.",
			ref:    meta.ValuesReference{Kind: "Secret", Name: "s"}, want: values.ErrData,
			text: "could not resolve Secret chart values reference 'apps/s' with key 'values.yaml': failed to read values data",
		},
		"SecretBadSet": {
			reason: "The content of a Secret is not quoted.",
			ref:    meta.ValuesReference{Kind: "Secret", Name: "s", ValuesKey: "set", TargetPath: "x"}, want: values.ErrMerge,
			text: "could not resolve Secret chart values reference 'apps/s' with key 'set': failed to merge value",
		},
		"Bomb": {
			reason: "Data that addresses more list items than there is memory for is refused.",
			ref:    meta.ValuesReference{Kind: "ConfigMap", Name: "c", ValuesKey: "bomb", TargetPath: "x"}, want: values.ErrTooManyItems,
			text: "could not resolve ConfigMap chart values reference 'apps/c' with key 'bomb': too many list items: more than 1048576",
		},
		"Transient": {
			reason: "An error of the API fails an optional reference, too.",
			ref:    optional(configMap("c")), fail: errors.New("etcdserver: leader changed"),
			text: "could not resolve optional ConfigMap chart values reference 'apps/c' with key 'values.yaml': etcdserver: leader changed",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reader := &objects{data: data, fail: tc.fail}
			_, err := values.Composition{Namespace: "apps", From: []meta.ValuesReference{tc.ref}, Reader: reader}.Compose(t.Context())
			if err == nil {
				t.Fatalf("%s\nCompose: no error", tc.reason)
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("%s\nCompose: %v, want %v", tc.reason, err, tc.want)
			}
			if !strings.HasPrefix(err.Error(), tc.text) {
				t.Errorf("%s\nCompose: %q, want %q", tc.reason, err, tc.text)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s\nCompose: %q shows the secret", tc.reason, err)
			}
		})
	}
}

func FuzzSet(f *testing.F) {
	for _, seed := range [][2]string{
		{"a.b", "c"},
		{"a[0]", "{a,b}"},
		{"a[1].b", "x,y=z"},
		{`a\.b\/c`, "'q'"},
		{"a", `"`},
		{"", "="},
		{"a[0][1]", "null"},
		{"a.b", `{`},
		{"a", `x,b[\65535]=1`},
		{"a[+3]", ""},
		{`a\=[9]`, "1"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, data string) {
		for _, set := range []func(map[string]any, string, string) error{values.Set, values.SetLiteral} {
			into := map[string]any{"a": map[string]any{"b": "c"}, "l": []any{"x"}}
			if err := set(into, path, data); err != nil {
				continue
			}
			if n := items(into); n > 1<<20+len(path)+len(data)+16 {
				t.Errorf("%q=%q makes %d list items", path, data, n)
			}
		}
	})
}

func items(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, value := range v {
			n += items(value)
		}
	case []any:
		n = len(v)
		for _, value := range v {
			n += items(value)
		}
	}
	return n
}

func FuzzCompose(f *testing.F) {
	f.Add("a: 1", `{"b":2}`, "x.y", "z", true)
	f.Add("- a", `null`, "x", "{", false)
	f.Add("a: &x [*x]", `{"a":{"b":null}}`, "a.b", "1", false)
	f.Fuzz(func(t *testing.T, whole, inlineText, path, data string, literal bool) {
		reader := &objects{data: map[string]string{"ConfigMap/w/values.yaml": whole, "Secret/s/values.yaml": data}}
		c := values.Composition{Namespace: "apps", Inline: inline(inlineText), Reader: reader, From: []meta.ValuesReference{
			configMap("w"), {Kind: "Secret", Name: "s", TargetPath: path, Literal: literal},
		}}
		got, err := c.Compose(t.Context())
		if err == nil && got == nil {
			t.Error("Compose: no values and no error")
		}
		again, errAgain := c.Compose(t.Context())
		if (err == nil) != (errAgain == nil) || fmt.Sprint(got) != fmt.Sprint(again) {
			t.Errorf("Compose is not repeatable: %v (%v), then %v (%v)", got, err, again, errAgain)
		}
	})
}

// TestComposeDeep holds that values which could not be read again once they are stored are refused.
func TestComposeDeep(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)
	for name, c := range map[string]values.Composition{
		"Inline":    {Inline: &apiextensionsv1.JSON{Raw: []byte(deep)}},
		"ConfigMap": {From: []meta.ValuesReference{configMap("c")}, Reader: &objects{data: map[string]string{"ConfigMap/c/values.yaml": deep}}},
	} {
		c.Namespace = "apps"
		if _, err := c.Compose(t.Context()); !errors.Is(err, helmchart.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
