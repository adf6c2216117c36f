// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/hack/local/install"
)

// embedded returns the fleet as a file system that kustomize reads, and as one that tests read.
func embedded(t *testing.T) (filesys.FileSystem, fs.FS) {
	t.Helper()
	files, err := fs.Sub(fleet, "fleet")
	if err != nil {
		t.Fatal(err)
	}
	memory := filesys.MakeFsInMemory()
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return memory.WriteFile("/"+path, data)
	})
	if err != nil {
		t.Fatal(err)
	}
	return memory, files
}

func names(objects install.Manifest) []string {
	var out []string
	for _, o := range objects {
		name, _, _ := strings.Cut(o.GetName(), "-7") // generated ConfigMaps end in a hash
		out = append(out, o.GetKind()+"/"+strings.TrimSuffix(o.GetNamespace()+"/", "/")+"/"+name)
	}
	slices.Sort(out)
	return out
}

func TestFleetBuilds(t *testing.T) {
	memory, _ := embedded(t)
	cases := map[string]struct {
		reason string
		want   []string
	}{
		"infrastructure": {
			reason: "The namespace is set by targetNamespace, not here.",
			want: []string{
				"ConfigMap//cache", "Deployment//cache", "HelmRelease//backup", "HelmRepository//charts", "LimitRange//defaults",
				"Namespace//infrastructure", "Service//cache",
			},
		},
		"clusters/staging": {
			reason: "A cluster is its source, itself, and what it runs.",
			want: []string{
				"GitRepository/flux-system/staging", "Kustomization/flux-system/alerts-staging", "Kustomization/flux-system/apps-staging",
				"Kustomization/flux-system/images-staging", "Kustomization/flux-system/infrastructure-staging",
				"Kustomization/flux-system/staging",
			},
		},
		"clusters/production": {
			reason: "Production has the same shape as staging, but writes no images.",
			want: []string{
				"GitRepository/flux-system/production", "Kustomization/flux-system/alerts-production", "Kustomization/flux-system/apps-production",
				"Kustomization/flux-system/infrastructure-production", "Kustomization/flux-system/production",
			},
		},
	}
	for dir, tc := range cases {
		t.Run(dir, func(t *testing.T) {
			objects, err := install.Build(memory, "/"+dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, names(objects)); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOverlaysDiffer(t *testing.T) {
	memory, _ := embedded(t)
	for cluster, replicas := range map[string]int64{"staging": 1, "production": 3} {
		objects, err := install.Build(memory, "/apps/"+cluster)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, o := range objects {
			if o.GetKind() == "Namespace" && o.GetName() != "apps-"+cluster {
				t.Errorf("namespace %s, want the overlay's", o.GetName())
			}
			if o.GetKind() == "Deployment" && o.GetName() == "frontend" {
				found = true
				if got := o.Object["spec"].(map[string]any)["replicas"]; got != replicas {
					t.Errorf("%s runs %v replicas of frontend, want %d", cluster, got, replicas)
				}
			}
		}
		if !found {
			t.Errorf("%s has no frontend", cluster)
		}
	}
}

// everything builds each folder of the fleet, with what postBuild fills in, by folder.
func everything(t *testing.T) map[string]install.Manifest {
	t.Helper()
	memory, _ := embedded(t)
	variables := map[string]string{
		"cluster": "staging", "repository": "http://127.0.0.1:1/fleet.git", "charts": "http://127.0.0.1:2", "registry": "127.0.0.1:3",
	}
	all := map[string]install.Manifest{}
	for _, dir := range []string{"infrastructure", "apps/staging", "apps/production", "alerts", "images", "clusters/staging", "clusters/production"} {
		objects, err := install.Build(memory, "/"+dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			text, err := o.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if err := o.UnmarshalJSON([]byte(fill(string(text), variables))); err != nil {
				t.Fatal(err)
			}
		}
		all[dir] = objects
	}
	return all
}

// TestFleetIsStrict sees that the fleet uses kinds that exist, fields that they have, and variables that somebody fills in.
func TestFleetIsStrict(t *testing.T) {
	known, err := scheme()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for dir, objects := range everything(t) {
		for _, o := range objects {
			text, err := o.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "${") {
				t.Errorf("%s: a variable is left in %s", dir, text)
			}
			typed, err := known.New(o.GroupVersionKind())
			if err != nil {
				t.Errorf("%s: %v", dir, err)
				continue
			}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, typed, true); err != nil {
				t.Errorf("%s: %s %s: %v", dir, o.GetKind(), o.GetName(), err)
			}
			seen[o.GetKind()] = true
		}
	}
	for _, kind := range []string{
		"GitRepository", "OCIRepository", "HelmRepository", "Kustomization", "HelmRelease", "ImageRepository", "ImagePolicy", "ImageUpdateAutomation",
		"Provider", "Alert", "Receiver",
	} {
		if !seen[kind] {
			t.Errorf("the fleet shows no %s", kind)
		}
	}
}

// TestCharts renders what the Helm repository offers, with its default values.
func TestCharts(t *testing.T) {
	for _, name := range []string{"backup", "mailer"} {
		t.Run(name, func(t *testing.T) {
			loaded, err := loader.Load(filepath.Join("charts", name))
			if err != nil {
				t.Fatal(err)
			}
			values, err := chartutil.ToRenderValues(loaded, nil, chartutil.ReleaseOptions{Name: name, Namespace: "default"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			rendered, err := engine.Render(loaded, values)
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range rendered {
				objects, err := install.Parse(text)
				if err != nil || len(objects) == 0 {
					t.Errorf("%s: %d objects, %v", file, len(objects), err)
				}
			}
		})
	}
}

// TestFleetHangsTogether follows every path, source and dependency that the clusters name.
func TestFleetHangsTogether(t *testing.T) {
	memory, files := embedded(t)
	for _, cluster := range clusters() {
		objects, err := install.Build(memory, "/clusters/"+cluster)
		if err != nil {
			t.Fatal(err)
		}
		known, elsewhere := names(objects), []string{"Kustomization/flux-system/apps-staging"} // both clusters are one here
		for _, o := range objects {
			if o.GetKind() != "Kustomization" {
				continue
			}
			var k kustomizev1.Kustomization
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &k, true); err != nil {
				t.Fatalf("%s: %v", o.GetName(), err)
			}
			if !memory.Exists("/" + strings.TrimPrefix(k.Spec.Path, "./") + "/kustomization.yaml") {
				t.Errorf("%s: nothing to build in %s", k.Name, k.Spec.Path)
			}
			if !slices.Contains(known, k.Spec.SourceRef.Kind+"/flux-system/"+k.Spec.SourceRef.Name) {
				t.Errorf("%s: source %s is not in the repository", k.Name, k.Spec.SourceRef.Name)
			}
			for _, d := range k.Spec.DependsOn {
				known := slices.Concat(known, elsewhere)
				if !slices.Contains(known, "Kustomization/flux-system/"+d.Name) {
					t.Errorf("%s depends on %s, which is not in the repository", k.Name, d.Name)
				}
			}
		}
	}

	roots, err := syncObjects(files, map[string]string{"repository": "http://127.0.0.1:1/fleet.git", "charts": "http://127.0.0.1:2", "registry": "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	if len(roots) != 2*len(clusters()) {
		t.Errorf("%d objects start the loop, want a source and a Kustomization for each cluster", len(roots))
	}
	for _, o := range roots {
		if text, err := o.MarshalJSON(); err != nil || strings.Contains(string(text), "${") {
			t.Errorf("a variable is left in %s (%v)", text, err)
		}
	}
}
