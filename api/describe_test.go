// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// generatorAnnotation is put on every CRD by controller-gen and is no part of the API.
const generatorAnnotation = "controller-gen.kubebuilder.io/version"

// describeNames renders everything about a version but its columns and schema, in the form of testdata/crds.tsv.
func describeNames(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition, v *apiextensionsv1.CustomResourceDefinitionVersion) string {
	t.Helper()
	annotations := maps.Clone(crd.Annotations)
	delete(annotations, generatorAnnotation)
	n := crd.Spec.Names
	var subresources []string
	if v.Subresources != nil && v.Subresources.Status != nil {
		subresources = append(subresources, "status")
	}
	if v.Subresources != nil && v.Subresources.Scale != nil {
		subresources = append(subresources, "scale")
	}
	return fmt.Sprintf("plural=%s singular=%s listKind=%s shortNames=%s categories=%s; scope=%s; served=%s storage=%s deprecated=%s; subresources=%s; annotations=%s",
		n.Plural, n.Singular, n.ListKind, list(n.ShortNames), list(n.Categories), crd.Spec.Scope,
		title(v.Served), title(v.Storage), title(v.Deprecated), list(subresources), encode(t, annotations))
}

func describeColumns(v *apiextensionsv1.CustomResourceDefinitionVersion) []string {
	var columns []string
	for _, c := range v.AdditionalPrinterColumns {
		column := c.Name + "\t" + c.Type + "\t" + c.JSONPath
		if c.Priority != 0 {
			column += fmt.Sprintf("\tpriority=%d", c.Priority)
		}
		columns = append(columns, column)
	}
	return columns
}

func describeFields(t *testing.T, v *apiextensionsv1.CustomResourceDefinitionVersion) map[string]string {
	t.Helper()
	fields := map[string]string{}
	walk(t, "", v.Schema.OpenAPIV3Schema, false, fields)
	return fields
}

// walk renders a schema and all below it. A list item is the path with [], a map value with {}.
func walk(t *testing.T, path string, s *apiextensionsv1.JSONSchemaProps, required bool, out map[string]string) {
	t.Helper()
	out[cmp.Or(path, ".")] = cmp.Or(s.Type, "-") + "\t" + strings.Join(describeConstraints(t, s, required), "; ")
	for name, prop := range s.Properties {
		walk(t, path+"."+name, &prop, slices.Contains(s.Required, name), out)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(t, path+"[]", s.Items.Schema, false, out)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		walk(t, path+"{}", s.AdditionalProperties.Schema, false, out)
	}
}

// describeConstraints renders what a schema demands, in the order of testdata/crds.tsv.
func describeConstraints(t *testing.T, s *apiextensionsv1.JSONSchemaProps, required bool) []string {
	t.Helper()
	var c []string
	add := func(set bool, name string, value any) {
		if set {
			c = append(c, name+"="+encode(t, value))
		}
	}
	if required {
		c = append(c, "required")
	}
	if s.Default != nil {
		c = append(c, "default="+compact(t, s.Default.Raw))
	}
	if len(s.Enum) > 0 {
		c = append(c, "enum="+encode(t, s.Enum))
	}
	add(s.Format != "", "format", s.Format)
	add(s.Pattern != "", "pattern", s.Pattern)
	add(s.MinLength != nil, "minLength", s.MinLength)
	add(s.MaxLength != nil, "maxLength", s.MaxLength)
	add(s.Minimum != nil, "minimum", s.Minimum)
	add(s.Maximum != nil, "maximum", s.Maximum)
	add(s.MinItems != nil, "minItems", s.MinItems)
	add(s.MaxItems != nil, "maxItems", s.MaxItems)
	add(s.MinProperties != nil, "minProperties", s.MinProperties)
	add(s.MaxProperties != nil, "maxProperties", s.MaxProperties)
	add(s.Nullable, "nullable", s.Nullable)
	add(s.XPreserveUnknownFields != nil, "x-kubernetes-preserve-unknown-fields", s.XPreserveUnknownFields)
	add(s.XIntOrString, "x-kubernetes-int-or-string", s.XIntOrString)
	add(s.XEmbeddedResource, "x-kubernetes-embedded-resource", s.XEmbeddedResource)
	add(s.XListType != nil, "x-kubernetes-list-type", s.XListType)
	add(len(s.XListMapKeys) > 0, "x-kubernetes-list-map-keys", s.XListMapKeys)
	add(s.XMapType != nil, "x-kubernetes-map-type", s.XMapType)
	add(len(s.AllOf) > 0, "allOf", s.AllOf)
	add(len(s.AnyOf) > 0, "anyOf", s.AnyOf)
	add(len(s.OneOf) > 0, "oneOf", s.OneOf)
	add(s.Not != nil, "not", s.Not)
	for _, v := range s.XValidations {
		c = append(c, fmt.Sprintf("CEL=%s message=%s", encode(t, v.Rule), encode(t, v.Message)))
	}
	return c
}

// encode renders JSON without escaping what only HTML needs escaped.
func encode(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func compact(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func list(names []string) string {
	return cmp.Or(strings.Join(names, ","), "-")
}

func title(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
