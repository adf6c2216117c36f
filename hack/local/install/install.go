// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package install puts Weir into a cluster as its install manifest says, except for the controllers' pods: those run on this machine, see
// package controllers, with the arguments and the identities that the manifest gives them.
package install

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	// fieldOwner owns what is installed.
	fieldOwner = client.FieldOwner("weir-install")
	// establishTimeout is how long the API server may take to serve new kinds; it needs well under a second.
	establishTimeout = 30 * time.Second
)

// Manifest is a list of objects to apply.
type Manifest []*unstructured.Unstructured

// Build renders a kustomize folder.
func Build(files filesys.FileSystem, dir string) (Manifest, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, dir)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	out, err := built.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	return Parse(string(out))
}

// Parse reads a stream of YAML documents.
func Parse(stream string) (Manifest, error) {
	var objects Manifest
	for document := range strings.SplitSeq(stream, "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		if string(data) == "null" { // nothing but comments
			continue
		}
		object := new(unstructured.Unstructured)
		if err := object.UnmarshalJSON(data); err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// Identity is how the manifest runs one controller.
type Identity struct {
	// Name is that of the controller.
	Name string
	// Namespace and ServiceAccount name who it is.
	Namespace, ServiceAccount string
	// Args are its arguments, with references to its environment filled in.
	Args []string
}

// Identity finds the Deployment of that name.
func (m Manifest) Identity(name string) (Identity, error) {
	for _, object := range m {
		if object.GetKind() != "Deployment" || object.GetName() != name {
			continue
		}
		var deployment appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
			return Identity{}, fmt.Errorf("read deployment %s: %w", name, err)
		}
		pod := deployment.Spec.Template.Spec
		if len(pod.Containers) == 0 {
			return Identity{}, fmt.Errorf("deployment %s has no container", name)
		}
		id := Identity{Name: name, Namespace: object.GetNamespace(), ServiceAccount: pod.ServiceAccountName}
		for _, arg := range pod.Containers[0].Args {
			id.Args = append(id.Args, strings.ReplaceAll(arg, "$(RUNTIME_NAMESPACE)", id.Namespace))
		}
		return id, nil
	}
	return Identity{}, fmt.Errorf("the install manifest has no deployment %s", name)
}

// WithoutPods leaves out what only makes sense beside pods: the Deployments themselves and the network in front of them.
func (m Manifest) WithoutPods() Manifest {
	var kept Manifest
	for _, object := range m {
		switch object.GetKind() {
		case "Deployment", "Service", "NetworkPolicy":
		default:
			kept = append(kept, object)
		}
	}
	return kept
}

// Apply applies the objects by server-side apply: definitions first, the rest when they are served.
func (m Manifest) Apply(ctx context.Context, c client.Client) error {
	var definitions, rest Manifest
	for _, object := range m {
		if kind := object.GetKind(); kind == "CustomResourceDefinition" || kind == "Namespace" {
			definitions = append(definitions, object)
		} else {
			rest = append(rest, object)
		}
	}
	if err := definitions.apply(ctx, c); err != nil {
		return err
	}
	if err := definitions.established(ctx, c); err != nil {
		return err
	}
	return rest.apply(ctx, c)
}

func (m Manifest) apply(ctx context.Context, c client.Client) error {
	for _, object := range m {
		wanted := client.ApplyConfigurationFromUnstructured(object.DeepCopy()) // the answer is written into it
		if err := c.Apply(ctx, wanted, fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// established waits until the API server serves every kind that was defined.
func (m Manifest) established(ctx context.Context, c client.Client) error {
	for _, object := range m {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, establishTimeout, true, func(ctx context.Context) (bool, error) {
			var crd apiextensionsv1.CustomResourceDefinition
			if err := c.Get(ctx, client.ObjectKey{Name: object.GetName()}, &crd); err != nil {
				return false, err
			}
			for _, condition := range crd.Status.Conditions {
				if condition.Type == apiextensionsv1.Established {
					return condition.Status == apiextensionsv1.ConditionTrue, nil
				}
			}
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("wait until %s is served: %w", object.GetName(), err)
		}
	}
	return nil
}

// Running returns which of the named Deployments a cluster has already.
func Running(ctx context.Context, c client.Client, namespace string, names ...string) ([]string, error) {
	var found []string
	for _, name := range names {
		var deployment appsv1.Deployment
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &deployment)
		if err == nil {
			found = append(found, name)
		} else if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("look for a running %s: %w", name, err)
		}
	}
	return found, nil
}

// Scheme adds to a scheme the kinds that this package reads.
func Scheme(scheme *runtime.Scheme) error {
	kinds := runtime.NewSchemeBuilder(appsv1.AddToScheme, corev1.AddToScheme, apiextensionsv1.AddToScheme)
	return kinds.AddToScheme(scheme)
}
