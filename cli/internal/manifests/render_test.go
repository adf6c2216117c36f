// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package manifests holds the kustomize bases of the repository against what users build on: names, labels, and the positions that
// patches in the field address.
package manifests

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// root is the folder of the manifests.
const root = "../../../manifests"

// TestBases renders every folder that is a base and reads each object strictly: no field is misspelled.
func TestBases(t *testing.T) {
	scheme := newScheme(t)
	count := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "kustomization.yaml" {
			return err
		}
		count++
		dir := filepath.Dir(path)
		t.Run(filepath.ToSlash(strings.TrimPrefix(dir, root)), func(t *testing.T) {
			for _, r := range render(t, dir).Resources() {
				gvk := r.GetGvk()
				obj, err := scheme.New(groupVersionKind(gvk))
				if err != nil {
					t.Errorf("%s: %v", r.CurId(), err)
					continue
				}
				if err := yaml.UnmarshalStrict([]byte(r.MustYaml()), obj); err != nil {
					t.Errorf("%s: %v", r.CurId(), err)
				}
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count == 0 {
		t.Fatal("no base found")
	}
}

// TestCRDsListed checks that the generated list names every generated file.
func TestCRDsListed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "crds", "*_*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := render(t, filepath.Join(root, "crds")).Size(); got != len(files) {
		t.Errorf("%d CRDs rendered of %d files", got, len(files))
	}
}

// TestInstallObjects holds the bundles object by object.
func TestInstallObjects(t *testing.T) {
	common := []string{
		"Namespace/flux-system",
		"ResourceQuota/flux-system/critical-pods-flux-system",
		"Service/flux-system/notification-controller",
		"Service/flux-system/source-controller",
		"Service/flux-system/webhook-receiver",
		"NetworkPolicy/flux-system/allow-egress",
		"NetworkPolicy/flux-system/allow-scraping",
		"NetworkPolicy/flux-system/allow-webhooks",
	}
	for _, name := range controllers() {
		common = append(common, "ServiceAccount/flux-system/"+name, "Deployment/flux-system/"+name)
	}
	cases := map[string]struct {
		reason string
		dir    string
		roles  []string
	}{
		"Default": {
			reason: "The roles have the names that patches in the field target.",
			dir:    "install",
			roles: []string{
				"ClusterRole/crd-controller-flux-system",
				"ClusterRole/flux-edit-flux-system",
				"ClusterRole/flux-view-flux-system",
				"ClusterRoleBinding/cluster-reconciler-flux-system",
				"ClusterRoleBinding/crd-controller-flux-system",
			},
		},
		"Restricted": {
			reason: "Nobody is bound to cluster-admin or to all of the toolkit's kinds.",
			dir:    "install/restricted",
			roles: []string{
				"Role/flux-system/leader-election-flux-system",
				"RoleBinding/flux-system/leader-election-flux-system",
				"ClusterRole/helm-controller-flux-system",
				"ClusterRole/image-automation-controller-flux-system",
				"ClusterRole/kustomize-controller-flux-system",
				"ClusterRole/notification-controller-flux-system",
				"ClusterRole/source-controller-flux-system",
				"ClusterRoleBinding/helm-controller-flux-system",
				"ClusterRoleBinding/image-automation-controller-flux-system",
				"ClusterRoleBinding/kustomize-controller-flux-system",
				"ClusterRoleBinding/notification-controller-flux-system",
				"ClusterRoleBinding/source-controller-flux-system",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range render(t, filepath.Join(root, tc.dir)).Resources() {
				if r.GetKind() != "CustomResourceDefinition" {
					got = append(got, subject(r.GetKind(), r.GetNamespace(), r.GetName()))
				}
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(slices.Concat(common, tc.roles)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestAlone holds what each controller brings when it is installed without the others.
func TestAlone(t *testing.T) {
	own := map[string][]string{
		"source-controller":           {"source"},
		"kustomize-controller":        {"kustomize", "source"},
		"helm-controller":             {"helm", "source"},
		"notification-controller":     {"notification"},
		"image-automation-controller": {"image", "source"},
	}
	for _, name := range controllers() {
		t.Run(name, func(t *testing.T) {
			groups := map[string]bool{}
			var deployments, accounts []string
			for _, r := range render(t, filepath.Join(root, "install/only", name)).Resources() {
				switch r.GetKind() {
				case "CustomResourceDefinition":
					_, group, _ := strings.Cut(r.GetName(), ".")
					groups[strings.TrimSuffix(group, ".toolkit.fluxcd.io")] = true
				case "Deployment":
					deployments = append(deployments, r.GetName())
				case "ServiceAccount":
					accounts = append(accounts, r.GetName())
				}
			}
			if diff := cmp.Diff(own[name], slices.Sorted(maps.Keys(groups))); diff != "" {
				t.Errorf("A controller needs the kinds it watches, and no more (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{name}, deployments); diff != "" {
				t.Errorf("deployments (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{name}, accounts); diff != "" {
				t.Errorf("accounts (-want +got):\n%s", diff)
			}
		})
	}
}

// controllers lists those that are installed.
func controllers() []string {
	return []string{"helm-controller", "image-automation-controller", "kustomize-controller", "notification-controller", "source-controller"}
}

// TestLabels checks the labels that commands and patches select by.
func TestLabels(t *testing.T) {
	component := map[string]string{
		"helm.toolkit.fluxcd.io":         "helm-controller",
		"image.toolkit.fluxcd.io":        "image-automation-controller",
		"kustomize.toolkit.fluxcd.io":    "kustomize-controller",
		"notification.toolkit.fluxcd.io": "notification-controller",
		"source.toolkit.fluxcd.io":       "source-controller",
	}
	for _, r := range render(t, filepath.Join(root, "install")).Resources() {
		labels := r.GetLabels()
		if labels["app.kubernetes.io/part-of"] != "flux" || labels["app.kubernetes.io/instance"] != "flux-system" {
			t.Errorf("%s: labels %v do not say what it is part of", r.CurId(), labels)
		}
		switch r.GetKind() {
		case "CustomResourceDefinition":
			_, group, _ := strings.Cut(r.GetName(), ".")
			if got := labels["app.kubernetes.io/component"]; got != component[group] {
				t.Errorf("%s: component %q, want %q", r.GetName(), got, component[group])
			}
		case "Deployment", "Service", "ServiceAccount":
			want := r.GetName()
			if want == "webhook-receiver" {
				want = "notification-controller"
			}
			if got := labels["app.kubernetes.io/component"]; got != want {
				t.Errorf("%s: component %q, want %q", r.CurId(), got, want)
			}
		}
	}
}

// render builds a base as users do.
func render(t *testing.T, dir string) resmap.ResMap {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "kustomization.yaml")); err != nil {
		t.Fatal(err)
	}
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// find returns the one object of that kind and name in a base.
func find[T any](t *testing.T, dir, kind, name string) *T {
	t.Helper()
	for _, r := range render(t, filepath.Join(root, dir)).Resources() {
		if r.GetKind() != kind || r.GetName() != name {
			continue
		}
		obj := new(T)
		if err := yaml.UnmarshalStrict([]byte(r.MustYaml()), obj); err != nil {
			t.Fatal(err)
		}
		return obj
	}
	t.Fatalf("%s has no %s %s", dir, kind, name)
	return nil
}

func subject(kind, namespace, name string) string {
	if namespace == "" {
		return kind + "/" + name
	}
	return kind + "/" + namespace + "/" + name
}

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, rbacv1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}
