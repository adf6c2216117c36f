// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/hack/bench/internal/observe"
)

// SystemNamespace is where the controllers' objects are.
const SystemNamespace = "flux-system"

//go:embed rbac.yaml
var rbac []byte

// resources are those of the kinds that an installation is made of.
func resources() map[string]schema.GroupVersionResource {
	core, access := schema.GroupVersion{Version: "v1"}, schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	return map[string]schema.GroupVersionResource{
		"Namespace":                core.WithResource("namespaces"),
		"ServiceAccount":           core.WithResource("serviceaccounts"),
		"ClusterRole":              access.WithResource("clusterroles"),
		"ClusterRoleBinding":       access.WithResource("clusterrolebindings"),
		"CustomResourceDefinition": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	}
}

// install creates the custom resource definitions of a folder, namespaces and
// access rules, and waits until the definitions are served.
func install(ctx context.Context, client dynamic.Interface, crds string) error {
	if err := create(ctx, client, rbac); err != nil {
		return fmt.Errorf("create access rules: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(crds, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no custom resource definitions (*.yaml) in %s", crds)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read custom resource definitions: %w", err)
		}
		if err := create(ctx, client, data); err != nil {
			return fmt.Errorf("create what is in %s: %w", filepath.Base(file), err)
		}
	}
	return served(ctx, client)
}

// create makes the objects of a YAML stream, passing over kinds that are no part
// of an installation, such as a kustomization file among the definitions.
func create(ctx context.Context, client dynamic.Interface, stream []byte) error {
	for doc := range bytes.SplitSeq(stream, []byte("\n---")) {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(doc, &o.Object); err != nil {
			return fmt.Errorf("parse YAML: %w", err)
		}
		resource, known := resources()[o.GetKind()]
		if !known {
			continue
		}
		_, err := client.Resource(resource).Namespace(o.GetNamespace()).Create(ctx, &o, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}

// served waits until the API server knows all definitions that were created.
func served(ctx context.Context, client dynamic.Interface) error {
	resource := resources()["CustomResourceDefinition"]
	list, err := client.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list custom resource definitions: %w", err)
	}
	goal := observe.Goal{What: "custom resource definitions to be served", Reached: established}
	for _, crd := range list.Items {
		goal.Names = append(goal.Names, crd.GetName())
	}
	watch, err := observe.Start(ctx, client, observe.Scope{Resource: resource})
	if err != nil {
		return err
	}
	defer watch.Stop()
	_, err = watch.Until(ctx, goal)
	return err
}

func established(crd *unstructured.Unstructured) bool {
	for _, c := range observe.Conditions(crd) {
		if c.Type == "Established" {
			return c.Status == "True"
		}
	}
	return false
}
