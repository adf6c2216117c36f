// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/render"
	"github.com/weir-gitops/weir/kit/testkit"
)

// kustomization returns one with this spec.
func kustomization(t *testing.T, spec string) *kustomizev1.Kustomization {
	t.Helper()
	obj := &kustomizev1.Kustomization{}
	obj.Namespace, obj.Name = "ns", "apps"
	if err := yaml.UnmarshalStrict([]byte(spec), &obj.Spec); err != nil {
		t.Fatal(err)
	}
	return obj
}

func TestRead(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		testkit.ConfigMap("ns", "map", map[string]string{"a": "map", "b": "two\nlines"}),
		testkit.Secret("ns", "secret", map[string]string{"a": "hidden"}),
	).Build()
	cases := map[string]struct {
		reason, spec string
		want         render.Variables
		missing      bool
	}{
		"None":     {reason: "Without postBuild there is nothing.", spec: "{}"},
		"Empty":    {reason: "With it there is, if only nothing.", spec: "{postBuild: {}}", want: render.Variables{Values: map[string]string{}}},
		"Later":    {reason: "Later entries win, newlines go, and values of Secrets are told.", spec: "{postBuild: {substituteFrom: [{kind: ConfigMap, name: map}, {kind: Secret, name: secret}]}}", want: render.Variables{Values: map[string]string{"a": "hidden", "b": "twolines"}, Secret: []string{"hidden"}}},
		"Inline":   {reason: "Inline values win over all.", spec: `{postBuild: {substituteFrom: [{kind: ConfigMap, name: map}], substitute: {a: "in\nline"}}}`, want: render.Variables{Values: map[string]string{"a": "inline", "b": "twolines"}}},
		"Optional": {reason: "Optional ones may be missing.", spec: "{postBuild: {substituteFrom: [{kind: Secret, name: none, optional: true}]}}", want: render.Variables{Values: map[string]string{}}},
		"Missing":  {reason: "Others may not.", spec: "{postBuild: {substituteFrom: [{kind: ConfigMap, name: none}]}}", missing: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := render.Read(t.Context(), c, &auth.Reader{Client: c}, kustomization(t, tc.spec))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if tc.missing != apierrors.IsNotFound(err) {
				t.Errorf("%s %v", tc.reason, err)
			}
		})
	}
	if diff := cmp.Diff(render.Variables{Values: map[string]string{"a": "inline"}}, render.Inline(kustomization(t, cases["Inline"].spec))); diff != "" {
		t.Errorf("inline values need no cluster (-want +got):\n%s", diff)
	}
}

func TestPrepare(t *testing.T) {
	obj := kustomization(t, "{commonMetadata: {labels: {team: a}}, postBuild: {substituteStrategy: Always}, buildMetadata: [originAnnotations], ignore: [{paths: [/data], target: {kind: X}}]}")
	if o := render.Options(obj); !slices.Equal(o.BuildMetadata, []string{"originAnnotations"}) || o.CacheKey != "" || o.AllowRemoteBases {
		t.Errorf("options: %+v", o)
	}
	built := []kustomize.Object{{APIVersion: "v1", Kind: "ConfigMap", Name: "a", JSON: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"${v:=d}"}}`)}}
	built, err := render.Substitute(obj, built, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.Unstructured(built)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := apply.New(apply.Config{Field: "f", Group: "g"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := render.Prepare(engine, obj, objects, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"k": "d"},
		"metadata": map[string]any{"name": "a", "creationTimestamp": nil, "labels": map[string]any{"team": "a", "g/name": "apps", "g/namespace": "ns"}},
	}
	if diff := cmp.Diff(want, set.Objects()[0].Object); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	obj.Spec.Ignore[0].Paths = []string{"data"}
	if _, err := render.Prepare(engine, obj, objects, nil); err == nil {
		t.Error("a bad pointer is refused")
	}
}
