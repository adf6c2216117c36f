// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/kustomize"
	"helm.sh/helm/v3/pkg/chart"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

// TestBadInputBeforeStorage holds the faults that leave no trace in storage.
func TestBadInputBeforeStorage(t *testing.T) {
	one := func(content string) *chart.Chart {
		return newChart("1.0.0", map[string]string{"templates/a.yaml": content})
	}
	bomb := "a:\n- &x " + strings.Repeat("x", 20000) + strings.Repeat("\n- *x", 10000) + "\n"
	type row struct {
		reason string
		chart  *chart.Chart
		tune   func(*helmv2.HelmRelease)
		want   []string
	}
	cases := map[string]row{
		"TemplateError":   {"a template fails", one(`{{ fail "no" }}`), nil, []string{"app/templates/a.yaml", "no"}},
		"RequiredMissing": {"a required value is missing", one(`{{ required "need x" .Values.x }}`), nil, []string{"need x"}},
		"Schema": {"values do not meet the schema", func() *chart.Chart {
			c := one(configMap("a", "", "x: z"))
			c.Schema = []byte(`{"required": ["x"]}`)
			return c
		}(), nil, []string{"values don't meet the specifications of the schema(s) in the following chart(s):"}},
		"KubeVersion": {"the cluster is too old", func() *chart.Chart {
			c := one(configMap("a", "", "x: z"))
			c.Metadata.KubeVersion = ">=99.0.0"
			return c
		}(), nil, []string{"chart requires kubeVersion: >=99.0.0 which is incompatible with Kubernetes v1."}},
		"PostRender": {"a patch finds nothing", one(configMap("a", "", "x: z")), func(obj *helmv2.HelmRelease) {
			obj.Spec.PostRenderers = []helmv2.PostRenderer{{Kustomize: &helmv2.Kustomize{Patches: []kustomize.Patch{{Patch: "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"}}}}}
		}, []string{"error while running post render on files: "}},
		"UnknownKind": {
			"a kind is not served", one("apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"), nil,
			[]string{"unable to build kubernetes objects from release manifest: ", "no matches for kind"},
		},
		"Aliases":    {"a template is a bomb", one("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n" + bomb), nil, []string{"YAML parse error on app/templates/a.yaml: aliases make of"}},
		"CRDAliases": {"a definition is one", newChart("1.0.0", map[string]string{"crds/a.yaml": bomb}), nil, []string{"YAML parse error on app/crds/a.yaml: aliases make of"}},
		"NotYAML":    {"a template makes no YAML", one("a: [\n"), nil, []string{"YAML parse error on app/templates/a.yaml"}},
		"TooLarge": {"the release does not fit into a Secret", func() *chart.Chart {
			c := one(configMap("a", "", "x: z"))
			c.Files = append(c.Files, &chart.File{Name: "noise", Data: noise(1500 << 10)})
			return c
		}(), nil, []string{"create: failed to create: ", "Too long"}},
	}
	for _, strategy := range []helmv2.PostRenderStrategy{helmv2.PostRenderCombined, helmv2.PostRenderNoHooks} {
		text := "apiVersion: v1\nmetadata: {name: a}\ndata: {password: hunter22}\n"
		cases["NoKind"+string(strategy)] = row{"an object has no kind", one(text), func(obj *helmv2.HelmRelease) {
			obj.Spec.PostRenderStrategy = strategy
		}, []string{"'Kind' is missing"}}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if tc.tune != nil {
				tc.tune(r.obj)
			}
			o, err := r.install(tc.chart, nil)
			wantError(t, err, tc.want...)
			if strings.Contains(err.Error()+o.Logs, "hunter22") {
				t.Errorf("%s: %v\n%s", tc.reason, err, o.Logs)
			}
			if len(o.Writes) > 0 || r.newest() != nil {
				t.Errorf("%s: stored", tc.reason)
			}
		})
	}
}

// noise returns bytes that do not compress.
func noise(n int) []byte {
	data, state := make([]byte, n), uint64(1)
	for i := range data {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		data[i] = byte(state)
	}
	return data
}

// TestBadInputAfterStorage holds the faults that are recorded.
func TestBadInputAfterStorage(t *testing.T) {
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n%s\n"
	cases := map[string]struct {
		reason   string
		onServer bool
		first    string
		second   string
		want     []string
		hide     string
	}{
		"UnknownField":    {"strict validation refuses unknown fields", true, configMap("a", "", "x: z"), configMap("a", "", "x: z") + "dat: {}\n", []string{"server-side apply failed for object ", `field not declared in schema`}, ""},
		"ImmutableServer": {"a field cannot change", true, configMap("a", "", "x: z") + "immutable: true\n", configMap("a", "", "x: other") + "immutable: true\n", []string{"server-side apply failed for object ", "field is immutable"}, ""},
		"ImmutableClient": {"a field cannot change", false, configMap("a", "", "x: z") + "immutable: true\n", configMap("a", "", "x: other") + "immutable: true\n", []string{`cannot patch "a" with kind ConfigMap: `, "field is immutable"}, ""},
		"Secret":          {"values of Secrets stay secret", true, configMap("a", "", "x: z"), strings.ReplaceAll(secret, "%s", "stringData: {password: {deep: hunter22}}"), []string{"server-side apply failed for object "}, "hunter22"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.obj.Spec.Install = &helmv2.Install{ServerSideApply: &tc.onServer}
			_, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": tc.first}), nil)
			r.must(err)
			o, err := r.upgrade(newChart("1.0.1", map[string]string{"templates/a.yaml": tc.second}), nil)
			wantError(t, err, tc.want...)
			if o.Newest == nil || o.Newest.Version != 2 || o.Newest.Info.Status != "failed" {
				t.Errorf("%s: newest %+v", tc.reason, o.Newest)
			}
			if tc.hide != "" && (strings.Contains(err.Error(), tc.hide) || strings.Contains(o.Logs, tc.hide)) {
				t.Errorf("%s: %v\n%s", tc.reason, err, o.Logs)
			}
		})
	}
}
