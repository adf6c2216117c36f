// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/helmchart"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag

const (
	hookTemplate = `# run first
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-pre
  annotations:
    helm.sh/hook: pre-install
    helm.sh/hook-weight: "-5"
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: c, image: busybox}
`
	manifestTemplate = `apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  ports: [{port: 80}]
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: {{ .Release.Name }}
    labels: {keep: me, helm.toolkit.fluxcd.io/name: wrong}
  data: {number: "007", text: {{ .Values.text | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - {name: c, image: busybox}
`
)

func TestMain(m *testing.M) {
	apart.Main()
	os.Exit(m.Run())
}

// subject is whose templates the tests render.
func subject() apart.Subject {
	return apart.Subject{Owner: types.NamespacedName{Namespace: "team", Name: "app"}, UID: "1"}
}

// keeper returns a Keeper that renders subject here, or apart.
func keeper(t *testing.T, suspects bool) *apart.Keeper {
	t.Helper()
	dir := t.TempDir()
	if suspects {
		// What an earlier process leaves behind that ended while it rendered.
		if err := os.Mkdir(filepath.Join(dir, "rendering"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "rendering", string(subject().UID)+".json"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k, err := apart.New(apart.Options{Dir: dir, Memory: 512 << 20, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func testChart() *chart.Chart {
	return &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "app", Version: "1.0.0"},
		Templates: []*chart.File{
			{Name: "templates/_helpers.tpl", Data: []byte(`{{ define "x" }}y{{ end }}`)},
			{Name: "templates/NOTES.txt", Data: []byte("Hello {{ .Release.Name }}")},
			{Name: "templates/pre.yaml", Data: []byte(hookTemplate)},
			{Name: "templates/all.yaml", Data: []byte(manifestTemplate)},
			{Name: "templates/empty.yaml", Data: []byte("{{ if false }}x{{ end }}\n")},
		},
		Values: map[string]any{"text": "yes"},
	}
}

func renderTest(t *testing.T, post PostRender) (*Output, error) {
	t.Helper()
	return renderChart(t, testChart(), post, nil)
}

func renderChart(t *testing.T, c *chart.Chart, post PostRender, keeper *apart.Keeper) (*Output, error) {
	t.Helper()
	post.Owner = types.NamespacedName{Namespace: "team", Name: "app"}
	return Render(t.Context(), Input{
		Chart: c, Values: map[string]any{}, Capabilities: chartutil.DefaultCapabilities, Clients: &cluster.Clients{},
		Release: chartutil.ReleaseOptions{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}, Post: post,
		Keeper: keeper, Subject: subject(), Bounds: apart.Bounds{Time: time.Hour},
	})
}

func TestStrategies(t *testing.T) {
	images := helmv2.PostRenderer{Kustomize: &helmv2.Kustomize{Images: []kustomize.Image{{Name: "busybox", NewName: "mirror/busybox", NewTag: "1"}}}}
	label := helmv2.PostRenderer{Kustomize: &helmv2.Kustomize{Patches: []kustomize.Patch{{
		Target: &kustomize.Selector{Name: "rel.*"}, Patch: `[{"op": "add", "path": "/metadata/annotations/patched", "value": "yes"}]`,
	}}}}
	annotate := &helmv2.CommonMetadata{Labels: map[string]string{"team": "a", "helm.toolkit.fluxcd.io/namespace": "wrong"}, Annotations: map[string]string{"note": "b"}}
	cases := map[string]PostRender{
		"plain":         {},
		"combined":      {Strategy: helmv2.PostRenderCombined, Renderers: []helmv2.PostRenderer{images}, Metadata: annotate},
		"separate":      {Strategy: helmv2.PostRenderSeparate, Renderers: []helmv2.PostRenderer{images, {}}, Metadata: annotate},
		"nohooks":       {Strategy: helmv2.PostRenderNoHooks, Renderers: []helmv2.PostRenderer{images}, Metadata: annotate},
		"patch-in-turn": {Renderers: []helmv2.PostRenderer{images, label}},
	}
	for name, post := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := renderTest(t, post)
			if err != nil {
				t.Fatal(err)
			}
			for _, suspects := range []bool{false, true} {
				again, err := renderChart(t, testChart(), post, keeper(t, suspects))
				if diff := cmp.Diff(out, again); err != nil || diff != "" {
					t.Errorf("suspect %t: error %v (-want +got):\n%s", suspects, err, diff)
				}
			}
			if out.Notes != "Hello rel" {
				t.Errorf("notes %q", out.Notes)
			}
			var b strings.Builder
			b.WriteString(out.Manifest)
			for _, h := range out.Hooks {
				fmt.Fprintf(&b, "=== hook %s, kind %s, path %s, events %v, weight %d\n%s\n", h.Name, h.Kind, h.Path, h.Events, h.Weight, h.Manifest)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPatchOfOneStream patches only what is in one of the streams: that fails where they are separate.
func TestPatchOfOneStream(t *testing.T) {
	patch := helmv2.PostRenderer{Kustomize: &helmv2.Kustomize{Patches: []kustomize.Patch{{
		Patch: "apiVersion: v1\nkind: Service\nmetadata: {name: rel}\nspec: {type: NodePort}\n",
	}}}}
	for strategy, fails := range map[helmv2.PostRenderStrategy]bool{
		helmv2.PostRenderCombined: false, helmv2.PostRenderNoHooks: false, helmv2.PostRenderSeparate: true,
	} {
		out, err := renderTest(t, PostRender{Strategy: strategy, Renderers: []helmv2.PostRenderer{patch}})
		switch {
		case fails && (err == nil || !strings.HasPrefix(err.Error(), "error while running post render on files: ")):
			t.Errorf("%s: error %v", strategy, err)
		case !fails && err != nil:
			t.Errorf("%s: %v", strategy, err)
		case !fails && !strings.Contains(out.Manifest, "type: NodePort"):
			t.Errorf("%s: not patched", strategy)
		}
	}
}

// TestHookAliases has a hook whose aliases are fine for the file that it stands in, but not for itself, as which it is stored.
func TestHookAliases(t *testing.T) {
	hook := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\nlist:\n- &x " +
		strings.Repeat("x", 20_000) + strings.Repeat("\n- *x", 60) + "\n"
	other := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {x: " + strings.Repeat("x", 200_000) + "}\n"
	c := testChart()
	c.Templates = append(c.Templates, &chart.File{Name: "templates/hook.yaml", Data: []byte(hook + other)})
	_, err := renderChart(t, c, PostRender{Strategy: helmv2.PostRenderNoHooks}, nil)
	if !errors.Is(err, helmchart.ErrLimit) || !strings.HasPrefix(err.Error(), "YAML parse error on app/templates/hook.yaml: ") {
		t.Error(err)
	}
}

// TestSameIdentity has a hook and a template of one identity: kustomize refuses them in one stream.
func TestSameIdentity(t *testing.T) {
	noop := helmv2.PostRenderer{Kustomize: &helmv2.Kustomize{Images: []kustomize.Image{{Name: "x", NewTag: "y"}}}}
	const template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
	for strategy, fails := range map[helmv2.PostRenderStrategy]bool{
		helmv2.PostRenderCombined: true, helmv2.PostRenderNoHooks: false, helmv2.PostRenderSeparate: false,
	} {
		c := testChart()
		c.Templates = []*chart.File{
			{Name: "templates/a.yaml", Data: []byte(template)},
			{Name: "templates/b.yaml", Data: []byte(template + "  annotations:\n    helm.sh/hook: pre-install\n")},
		}
		_, err := Render(t.Context(), Input{
			Chart: c, Values: map[string]any{}, Capabilities: chartutil.DefaultCapabilities, Clients: &cluster.Clients{},
			Post: PostRender{Strategy: strategy, Renderers: []helmv2.PostRenderer{noop}},
		})
		if fails != (err != nil) || err != nil && !strings.Contains(err.Error(), "may not add resource with an already registered id") {
			t.Errorf("%s: %v", strategy, err)
		}
	}
}

func FuzzParseStream(f *testing.F) {
	f.Add([]byte(manifestTemplate))
	f.Add([]byte("a: &a [*a]\n---\nkind: List\nitems: [1]\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		objects, err := parseStream(stream)
		if err != nil {
			return
		}
		for _, o := range objects {
			_ = o.merge("labels", map[string]string{"a": "b"})
			o.forget("labels", "a")
		}
		if _, err := join(objects); err != nil {
			t.Error(err)
		}
	})
}
