// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
)

// TestVacant holds that Helm's look-up of objects to adopt finds nothing, without a request.
func TestVacant(t *testing.T) {
	gvk := schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	mapping := &meta.RESTMapping{Resource: gvk.GroupVersion().WithResource("configmaps"), GroupVersionKind: gvk, Scope: meta.RESTScopeNamespace}
	_, err := resource.NewHelper(vacant{gvk}, mapping).Get("ns", "name")
	if !apierrors.IsNotFound(err) {
		t.Errorf("error %v", err)
	}
}

func TestPath(t *testing.T) {
	mapping := func(group, resource string, scope meta.RESTScope) *meta.RESTMapping {
		return &meta.RESTMapping{Resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}, Scope: scope}
	}
	cases := map[string]struct {
		reason string
		call   call
		want   []string
	}{
		"Core":       {"the core group has a path of its own", call{mapping: mapping("", "pods", meta.RESTScopeNamespace), namespace: "ns", name: "a", sub: "log"}, []string{"api", "v1", "namespaces", "ns", "pods", "a", "log"}},
		"Collection": {"without a name it is the collection", call{mapping: mapping("apps", "deployments", meta.RESTScopeNamespace), namespace: "ns"}, []string{"apis", "apps", "v1", "namespaces", "ns", "deployments"}},
		"Cluster":    {"a namespace on what has none is left out", call{mapping: mapping("rbac.authorization.k8s.io", "clusterroles", meta.RESTScopeRoot), namespace: "ns", name: "a"}, []string{"apis", "rbac.authorization.k8s.io", "v1", "clusterroles", "a"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.call.path()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	for want, annotation := range map[role]string{member: releaseNameAnnotation, hook: "helm.sh/hook", other: "x"} {
		u := &unstructured.Unstructured{Object: map[string]any{}}
		u.SetAnnotations(map[string]string{annotation: "x"})
		if got := roleOf(&resource.Info{Object: u}); got != want {
			t.Errorf("%s: role %d", annotation, got)
		}
	}
}

func TestDefinitions(t *testing.T) {
	files := [][]byte{
		[]byte("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a, labels: {x: z}}\n---\n\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: c}\n"),
		[]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: d}\n"),
	}
	crds, others, err := Definitions(files, map[string]string{"l": "m"})
	if err != nil {
		t.Fatal(err)
	}
	if len(crds) != 1 || !cmp.Equal(crds[0].GetLabels(), map[string]string{"x": "z", "l": "m"}) {
		t.Errorf("definitions %v", crds)
	}
	if diff := cmp.Diff([]string{"/ConfigMap/c/b", "/Namespace/d"}, others); diff != "" {
		t.Error(diff)
	}
	if _, _, err := Definitions([][]byte{[]byte("a: [")}, nil); err == nil {
		t.Error("no error")
	}
}

func FuzzDefinitions(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: d}\n"))
	f.Add([]byte("{\"kind\": \"CustomResourceDefinition\", \"metadata\": 3}"))
	f.Fuzz(func(_ *testing.T, file []byte) {
		_, _, _ = Definitions([][]byte{file}, map[string]string{"a": "b"})
	})
}
