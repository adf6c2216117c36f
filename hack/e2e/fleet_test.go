// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// valueKey is an annotation that every object of a fleet carries; its value changes with the object.
const valueKey = "e2e.example.com/value"

// id names an object.
type id struct{ group, kind, namespace, name string }

// String is how inventories name an object.
func (i id) String() string { return fmt.Sprintf("%s_%s_%s_%s", i.namespace, i.name, i.group, i.kind) }

func (i id) file() string { return strings.ToLower(i.kind) + "-" + i.name + ".yaml" }

// fleet is what a repository holds: by application the objects, and the value of each.
type fleet map[string]map[id]string

// apps lists the applications in order.
func (f fleet) apps() []string { return slices.Sorted(maps.Keys(f)) }

// ids lists the objects of an application in order.
func (f fleet) ids(app string) []id {
	return slices.SortedFunc(maps.Keys(f[app]), func(a, b id) int { return strings.Compare(a.String(), b.String()) })
}

// write makes a working folder hold the applications and nothing else. The folder of an application without objects stays.
func (f fleet) write(t *testing.T, dir string) {
	t.Helper()
	must(t, os.RemoveAll(filepath.Join(dir, "apps")))
	for app, objects := range f {
		if app == images || app == artifacts {
			continue // the test does not write these to the folder: others write them, or they are elsewhere
		}
		folder := filepath.Join(dir, "apps", app)
		must(t, os.MkdirAll(folder, 0o750))
		must(t, os.WriteFile(filepath.Join(folder, "README.md"), []byte(app+"\n"), 0o600))
		for object, value := range objects {
			must(t, os.WriteFile(filepath.Join(folder, object.file()), manifest(t, object, value), 0o600))
		}
	}
}

// manifest is an object as YAML.
func manifest(t *testing.T, object id, value string) []byte {
	t.Helper()
	version := "v1"
	if object.group == helmv2.Group {
		version = helmv2.GroupVersion.Version
	}
	o := map[string]any{
		"apiVersion": schema.GroupVersion{Group: object.group, Version: version}.String(),
		"kind":       object.kind,
		"metadata":   map[string]any{"name": object.name, "namespace": object.namespace, "annotations": map[string]any{valueKey: value}},
	}
	maps.Copy(o, content(object, value))
	data, err := yaml.Marshal(o)
	must(t, err)
	return bytes.ReplaceAll(data, []byte("  namespace: \"\"\n"), nil)
}

// content is what an object of a kind holds besides its metadata.
func content(object id, value string) map[string]any {
	switch object.kind {
	case "ConfigMap":
		return map[string]any{"data": map[string]any{"value": value}}
	case "Secret":
		return map[string]any{"stringData": map[string]any{"value": value}}
	case "Role":
		return map[string]any{"rules": []any{map[string]any{
			"apiGroups": []any{""}, "resources": []any{"configmaps"}, "verbs": []any{"get"}, "resourceNames": []any{value},
		}}}
	case "Deployment":
		labels := map[string]any{"app": object.name}
		return map[string]any{"spec": map[string]any{
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels, "annotations": map[string]any{valueKey: value}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": "app.example.com/app:v1"}}},
			},
		}}
	case "CustomResourceDefinition":
		return map[string]any{"spec": map[string]any{
			"group": widget, "scope": "Namespaced", "names": map[string]any{"kind": "Widget", "plural": "widgets"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			}}},
		}}
	case helmv2.HelmReleaseKind:
		return map[string]any{"spec": releaseSpec(object, value)}
	case "Widget":
		return map[string]any{"spec": map[string]any{"value": value}}
	}
	return nil
}

// widget is the group of a kind that the fleet itself defines.
const widget = "e2e.example.com"

const (
	// base is the application with what others need: their namespaces.
	base = "base"
	// releases is the application whose objects are HelmReleases.
	releases = "releases"
	// images is the application whose values are tags of an image, which image-automation-controller writes.
	images = "images"
	// artifacts is the application that comes from a registry instead of Git.
	artifacts = "artifacts"
)

// newFleet makes a fleet of that many applications besides the base, most with ten objects: one defines a kind and uses it, one has a workload.
func newFleet(apps int) fleet {
	f := fleet{base: {}}
	for i := range apps {
		app := fmt.Sprintf("app-%02d", i)
		namespace := fmt.Sprintf("team-%d", i%4)
		f[base][id{kind: "Namespace", name: namespace}] = "1"
		f[app] = map[id]string{}
		for n, kind := range []string{"ConfigMap", "ConfigMap", "ConfigMap", "ConfigMap", "ConfigMap", "Secret", "Secret", "ServiceAccount", "Role", "Role"} {
			f[app][object(kind, namespace, fmt.Sprintf("%s-%d", app, n))] = "1"
		}
	}
	f["app-00"][id{group: "apiextensions.k8s.io", kind: "CustomResourceDefinition", name: "widgets." + widget}] = "1"
	f["app-00"][object("Widget", "team-0", "app-00-w")] = "1"
	f["app-01"][object("Deployment", "team-1", "app-01-d")] = "1"
	return f
}

// object names an object of a kind.
func object(kind, namespace, name string) id {
	group := map[string]string{
		"Role": "rbac.authorization.k8s.io", "Deployment": "apps", "Widget": widget, helmv2.HelmReleaseKind: helmv2.Group,
	}[kind]
	return id{group: group, kind: kind, namespace: namespace, name: name}
}

// follow creates the source and a Kustomization for each application. All depend on the base; every fifth also depends on the one before.
func (m *machine) follow(t *testing.T, f fleet) {
	t.Helper()
	must(t, m.client.Create(t.Context(), &sourcev1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: source},
		Spec: sourcev1.GitRepositorySpec{
			URL: m.repository.URL, Interval: metav1.Duration{Duration: time.Hour}, Reference: &sourcev1.GitRepositoryRef{Branch: gitserver.Branch},
		},
	}))
	m.receive(t, gitHook, notificationv1.CrossNamespaceObjectReference{Kind: sourcev1.GitRepositoryKind, Name: source})
	var before string
	for i, app := range f.apps() {
		k := kustomization(app)
		if app != base {
			k.Spec.DependsOn = []meta.DependencyReference{{Name: base}}
		}
		if i%5 == 4 && strings.HasPrefix(app, "app-") {
			k.Spec.DependsOn = append(k.Spec.DependsOn, meta.DependencyReference{Name: before})
		}
		before = app
		k.Spec.Wait = app == base || app == "app-01"
		must(t, m.client.Create(t.Context(), k))
	}
}

func kustomization(app string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: app},
		Spec: kustomizev1.KustomizationSpec{
			// Long, so that nothing happens but for a reason.
			Interval:      metav1.Duration{Duration: time.Hour},
			RetryInterval: &metav1.Duration{Duration: retryInterval},
			Timeout:       &metav1.Duration{Duration: time.Minute},
			Path:          "./apps/" + app,
			Prune:         true,
			SourceRef:     kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: source},
		},
	}
	switch app {
	case images:
		k.Spec.Path = "./" + images
	case artifacts:
		k.Spec.Path = "./"
		k.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.OCIRepositoryKind, Name: artifacts}
	}
	return k
}

// retryInterval is when what failed is tried again.
const retryInterval = 2 * time.Second
