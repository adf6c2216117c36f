// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
				"ConfigMap//cache", "Deployment//cache", "LimitRange//defaults", "Namespace//infrastructure", "Service//cache",
			},
		},
		"clusters/staging": {
			reason: "A cluster is its source, itself, and what it runs.",
			want: []string{
				"GitRepository/flux-system/staging", "Kustomization/flux-system/apps-staging",
				"Kustomization/flux-system/infrastructure-staging", "Kustomization/flux-system/staging",
			},
		},
		"clusters/production": {
			reason: "Production has the same shape as staging.",
			want: []string{
				"GitRepository/flux-system/production", "Kustomization/flux-system/apps-production",
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

// TestFleetHangsTogether follows every path, source and dependency that the clusters name.
func TestFleetHangsTogether(t *testing.T) {
	memory, files := embedded(t)
	for _, cluster := range clusters() {
		objects, err := install.Build(memory, "/clusters/"+cluster)
		if err != nil {
			t.Fatal(err)
		}
		known := names(objects)
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
				if !slices.Contains(known, "Kustomization/flux-system/"+d.Name) {
					t.Errorf("%s depends on %s, which is not in the repository", k.Name, d.Name)
				}
			}
		}
	}

	roots, err := syncObjects(files, "http://127.0.0.1:1/fleet.git")
	if err != nil {
		t.Fatal(err)
	}
	if len(roots) != 2*len(clusters()) {
		t.Errorf("%d objects start the loop, want a source and a Kustomization for each cluster", len(roots))
	}
	for _, o := range roots {
		if text := strings.Join(names(install.Manifest{o}), ""); strings.Contains(text, "$") {
			t.Errorf("a variable is left in %s", text)
		}
	}
}
