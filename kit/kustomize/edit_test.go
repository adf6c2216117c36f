// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"strings"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/apis/kustomize"

	"github.com/weir-gitops/weir/kit/kustomize"
)

func TestEdit(t *testing.T) {
	const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      containers:
      - name: app
        image: nginx:1
`
	cases := map[string]struct {
		reason string
		stream string
		edits  kustomize.Edits
		want   []string
		err    string
	}{
		"Image":          {"images are replaced", deployment, kustomize.Edits{Images: []fluxkustomize.Image{{Name: "nginx", NewTag: "2"}}}, []string{"image: nginx:2"}, ""},
		"StrategicMerge": {"a patch without target finds its object", deployment, kustomize.Edits{Patches: []fluxkustomize.Patch{{Patch: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  replicas: 3\n"}}}, []string{"replicas: 3"}, ""},
		"JSON6902": {"a patch with target", deployment, kustomize.Edits{Patches: []fluxkustomize.Patch{{
			Target: &fluxkustomize.Selector{Kind: "Deployment"}, Patch: `[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]`,
		}}}, []string{"a: b"}, ""},
		"NoTarget":  {"a strategic merge patch for nothing fails", deployment, kustomize.Edits{Patches: []fluxkustomize.Patch{{Patch: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\n"}}}, nil, "no matches for Id"},
		"Duplicate": {"two objects of one identity are refused", deployment + "---\n" + deployment, kustomize.Edits{}, nil, "may not add resource with an already registered id"},
		"LongText":  {"a long text that aliases multiply counts by its length", "a: &a " + strings.Repeat("x", 20_000) + "\nb: [" + strings.Repeat("*a,", 9_999) + "*a]\n", kustomize.Edits{}, nil, "aliases expand"},
		"Bomb":      {"aliases are bounded", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", kustomize.Edits{}, nil, "aliases expand"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := kustomize.Edit(t.Context(), []byte(tc.stream), tc.edits)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s: error %v", tc.reason, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(string(got), want) {
					t.Errorf("%s: no %q in\n%s", tc.reason, want, got)
				}
			}
		})
	}
}
