// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// everything prints what a template can see of a value.
const everything = "{{ range $key, $value := . }}{{ $key }}: {{ kindOf $value }} {{ typeOf $value }} {{ printf \"%#v\" $value }} {{ toJson $value }}\n{{ toYaml $value }}\n{{ end }}"

func cluster() provider {
	return provider{objects: []unstructured.Unstructured{
		node("one", map[string]any{"int": int64(1), "float": 1.0, "list": []any{}, "none": nil}), node("two", nil),
		{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "cm", "namespace": "ns"}, "data": map[string]any{"a": "b\xff"}}},
	}}
}

// sameCases are charts whose outcome must not depend on where they are rendered.
func sameCases() map[string]Job {
	values := job(map[string]string{"all.yaml": strings.Replace(everything, "= .", "= .Values", 1)})
	values.Chart.Values = map[string]any{"chart": json.Number("12345678901234567890"), "removed": "x", "nested": map[string]any{"a": 1.5, "b": int64(2)}}
	values.Values = map[string]any{
		"int64": int64(1), "float": 1.0, "large": 1e21, "number": json.Number("1"), "list": []any{}, "map": map[string]any{},
		"values": chartutil.Values{"a": "b"}, "none": nil, "removed": nil, "text": "\xff\x00é", "true": true, "nested": map[string]any{"a": map[string]any{}},
	}

	inner := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "inner", Version: "2.0.0", Type: "application"},
		Values:   map[string]any{"own": "default", "global": map[string]any{"g": "inner"}},
		Templates: []*chart.File{{Name: "templates/inner.yaml", Data: []byte(
			"{{ .Chart.Name }} {{ .Template.Name }} {{ .Template.BasePath }} {{ toYaml .Values }} {{ include \"shared\" . }} {{ .Files.Get \"inner.txt\" }}")}},
		Files: []*chart.File{{Name: "inner.txt", Data: []byte("of the inner one")}},
	}
	library := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "library", Version: "1.0.0", Type: "library"},
		Templates: []*chart.File{{Name: "templates/_shared.tpl", Data: []byte("{{ define \"shared\" }}shared by {{ .Chart.Name }}{{ end }}")}, {Name: "templates/never.yaml", Data: []byte("x")}},
	}
	nested := job(map[string]string{
		"outer.yaml":     "{{ toYaml .Subcharts.inner.Chart }} {{ .Chart.IsRoot }} {{ include \"shared\" . }}",
		"NOTES.txt":      "Hello {{ .Release.Name }}",
		"broken-not.txt": "{{ .Values.missing }}{{ .Values.missing.too | default \"d\" }}",
	})
	nested.Values = map[string]any{"inner": map[string]any{"own": "set"}, "global": map[string]any{"g": "outer"}, "missing": map[string]any{}}
	nested.Chart.AddDependency(inner, library)
	nested.Chart.Metadata.Annotations = map[string]string{"a": "<b>"}
	nested.Chart.Metadata.Maintainers = []*chart.Maintainer{{Name: "me"}}
	nested.Chart.Metadata.Dependencies = []*chart.Dependency{{Name: "inner", Enabled: true, ImportValues: []any{"x", map[string]any{"child": "a", "parent": "b"}}}}

	files := job(map[string]string{"files.yaml": "{{ (.Files.Glob \"*.txt\").AsConfig }} {{ (.Files.Glob \"*\").AsSecrets }} {{ .Files.Lines \"a.txt\" }} {{ .Files.Get \"gone\" }}"})
	files.Chart.Files = []*chart.File{{Name: "a.txt", Data: []byte("one\ntwo")}, {Name: "b.bin", Data: []byte{0, 255, 10}}, {Name: "empty.txt"}}

	cases := map[string]Job{"values": values, "nested": nested, "files": files}
	for name, template := range map[string]string{
		"release":       strings.Replace(everything, "= .", "= .Release", 1),
		"capabilities":  "{{ toYaml .Capabilities }} {{ .Capabilities.APIVersions.Has \"apps/v1\" }} {{ .Capabilities.KubeVersion }} {{ .Capabilities.HelmVersion.Version }}",
		"time":          "{{ now | date \"MST\" }} {{ dateInZone \"2006\" (toDate \"2006-01-02\" \"2024-06-01\") \"UTC\" }}",
		"environment":   "{{ getHostByName \"127.0.0.1\" }}",
		"required":      "{{ required \"a value is needed\" .Values.value }}",
		"fail":          "a\n{{ fail \"not like this\" }}",
		"parse":         "{{ if }}",
		"no function":   "{{ nothing }}",
		"set":           "{{ $_ := set .Values \"a\" 1 }}{{ $_ = set .Release \"Name\" \"other\" }}{{ .Values.a }} {{ .Release.Name }}",
		"tpl":           "{{ tpl \"{{ .Release.Name }} {{ tpl .x . }}\" (dict \"Release\" .Release \"x\" \"{{ 1 }}\" \"Template\" .Template) }}",
		"endless names": "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
		"panic":         "{{ index (list) 1 }}",
		"one":           strings.Replace(everything, "= .", "= (lookup \"v1\" \"Node\" \"\" \"one\")", 1),
		"all":           strings.Replace(everything, "= .", "= (lookup \"v1\" \"Node\" \"ns\" \"\")", 1),
		"in namespace":  "{{ toYaml (lookup \"v1\" \"ConfigMap\" \"ns\" \"cm\") }} {{ lookup \"v1\" \"ConfigMap\" \"other\" \"cm\" }} {{ len (lookup \"v1\" \"ConfigMap\" \"\" \"\").items }}",
		"not there":     "{{ lookup \"v1\" \"Node\" \"\" \"three\" | toJson }}",
		"forbidden":     "{{ lookup \"v1\" \"Secret\" \"ns\" \"mine\" }}",
		"no list":       "{{ lookup \"v1\" \"Secret\" \"ns\" \"\" }}",
		"no kind":       "{{ lookup \"v9\" \"Unknown\" \"\" \"\" }}",
		"gone kind":     "{{ lookup \"v9\" \"Gone\" \"\" \"\" }}",
	} {
		cases[name] = job(map[string]string{"a.yaml": template})
	}
	return cases
}

// TestSame renders in this process and in a child: what comes out is the same, byte for byte, errors included.
func TestSame(t *testing.T) {
	t.Parallel()
	k := suspecting(t)
	for name, j := range sameCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, hereErr := j.run(cluster().lookups())
			there, thereErr := k.Render(t.Context(), subject(), j, cluster().lookups(), Bounds{Time: forEver})
			if diff := cmp.Diff(fmt.Sprint(hereErr), fmt.Sprint(thereErr)); diff != "" {
				t.Fatalf("errors (-here +there):\n%s", diff)
			}
			if diff := cmp.Diff(here, there); hereErr == nil && diff != "" {
				t.Errorf("(-here +there):\n%s", diff)
			}
		})
	}
}

// TestDNS resolves host names: Helm's engine makes a client of its own then, whose requests go through the parent.
func TestDNS(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		known := map[string]string{
			"/api/v1":               `{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": [{"name": "nodes", "kind": "Node", "namespaced": false}]}`,
			"/api/v1/nodes/one":     `{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "one"}, "number": 1, "float": 1.5}`,
			"/api/v1/nodes":         `{"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "one"}}]}`,
			"/apis/broken.io/v1":    "{",
			"/apis/forbidden.io/v1": "",
		}
		body, ok := known[r.URL.Path]
		switch {
		case r.Method != http.MethodGet || !ok:
			w.WriteHeader(http.StatusNotFound)
			body = `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": "no such thing"}`
		case body == "":
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	k, l := suspecting(t), Lookups{Config: &rest.Config{Host: server.URL}}
	templates := map[string]string{
		"name":      "{{ getHostByName \"127.0.0.1\" }}",
		"one":       "{{ toYaml (lookup \"v1\" \"Node\" \"\" \"one\") }}",
		"all":       "{{ toYaml (lookup \"v1\" \"Node\" \"\" \"\") }}",
		"not there": "{{ toYaml (lookup \"v1\" \"Node\" \"\" \"two\") }}",
		"no group":  "{{ lookup \"none.io/v1\" \"None\" \"\" \"\" }}",
		"broken":    "{{ lookup \"broken.io/v1\" \"None\" \"\" \"\" }}",
		"forbidden": "{{ lookup \"forbidden.io/v1\" \"None\" \"\" \"\" }}",
	}
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		j := job(map[string]string{"a.yaml": templates[name]})
		j.EnableDNS = true
		here, hereErr := j.run(l)
		there, thereErr := k.Render(t.Context(), subject(), j, l, Bounds{Time: forEver})
		if diff := cmp.Diff(fmt.Sprint(hereErr), fmt.Sprint(thereErr)); diff != "" {
			t.Errorf("%s: errors (-here +there):\n%s", name, diff)
		}
		if diff := cmp.Diff(here, there); hereErr == nil && diff != "" {
			t.Errorf("%s (-here +there):\n%s", name, diff)
		}
		if name == "name" && there["app/templates/a.yaml"] != "127.0.0.1" {
			t.Errorf("resolved %v, %v", there, thereErr)
		}
	}
}
