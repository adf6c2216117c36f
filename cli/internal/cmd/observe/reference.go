// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// reference names an object of the toolkit.
type reference struct {
	client.ObjectKey

	kind string
}

// text reads a string of an object; what is absent or something else is empty.
func text(obj *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(obj.Object, path...)
	return value
}

// references are the objects that this one is made from, its generated chart included.
func references(obj *unstructured.Unstructured) []reference {
	var refs []reference
	for _, field := range []struct {
		kind string // where the reference has none
		path []string
	}{
		{"", []string{"spec", "sourceRef"}},
		{"", []string{"spec", "chartRef"}},
		{"", []string{"spec", "chart", "spec", "sourceRef"}},
		{imagev1.ImageRepositoryKind, []string{"spec", "imageRepositoryRef"}},
	} {
		fields, _, _ := unstructured.NestedMap(obj.Object, field.path...)
		ref := &unstructured.Unstructured{Object: fields}
		if name := text(ref, "name"); name != "" {
			refs = append(refs, reference{
				client.ObjectKey{Namespace: cmp.Or(text(ref, "namespace"), obj.GetNamespace()), Name: name}, cmp.Or(text(ref, "kind"), field.kind),
			})
		}
	}
	if namespace, name, found := strings.Cut(text(obj, "status", "helmChart"), "/"); found {
		refs = append(refs, reference{client.ObjectKey{Namespace: namespace, Name: name}, sourcev1.HelmChartKind})
	}
	return refs
}
