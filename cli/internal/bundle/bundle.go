// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package bundle makes the objects of an installation out of the manifests that were released with this command: which components, in which
// namespace, with which arguments.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/kit/kustomize"
)

const (
	// PartOf labels every object of an installation.
	PartOf = "app.kubernetes.io/part-of"
	// PartOfValue is the value, whichever tool of the API installed it.
	PartOfValue = "flux"
	// VersionLabel holds the version.
	VersionLabel = "app.kubernetes.io/version"
	// InstanceLabel holds the namespace.
	InstanceLabel = "app.kubernetes.io/instance"
	// ComponentLabel holds the controller that an object belongs to.
	ComponentLabel = "app.kubernetes.io/component"
)

// The components, as flags and images name them.
const (
	Source       = "source-controller"
	Kustomize    = "kustomize-controller"
	Helm         = "helm-controller"
	Notification = "notification-controller"
	Image        = "image-automation-controller"
	// reflector is what scans registries elsewhere; here Image does both.
	reflector = "image-reflector-controller"
)

// Options shape an installation.
type Options struct {
	Namespace string
	// Version is the label of all objects and the tag of the images.
	Version string
	// Components and Extra are controllers to install.
	Components, Extra []string
	// Registry comes before the names of the images.
	Registry        string
	ImagePullSecret string
	TolerationKeys  []string
	ClusterDomain   string
	LogLevel        string
	// WatchAllNamespaces lets controllers work for every namespace, else for their own only.
	WatchAllNamespaces bool
	NetworkPolicy      bool
}

// Default are the options of a plain install.
func Default() Options {
	return Options{
		Namespace: session.DefaultNamespace, Components: []string{Source, Kustomize, Helm, Notification}, Registry: "ghcr.io/weir-gitops",
		ClusterDomain: "cluster.local", LogLevel: "info", WatchAllNamespaces: true, NetworkPolicy: true,
	}
}

// Wanted lists the components in the order of the bundle.
func (o Options) Wanted() ([]string, error) {
	known := []string{Source, Kustomize, Helm, Notification, Image}
	chosen := map[string]bool{}
	for _, name := range slices.Concat(o.Components, o.Extra) {
		if name == reflector {
			name = Image
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("component %s is not available; there are %s", name, strings.Join(known, ", "))
		}
		chosen[name] = true
	}
	if len(chosen) == 0 {
		return nil, errors.New("at least one component is required")
	}
	return slices.DeleteFunc(known, func(name string) bool { return !chosen[name] }), nil
}

// Validate reports what no installation can be made of.
func (o Options) Validate() error {
	if _, err := o.Wanted(); err != nil {
		return err
	}
	if !slices.Contains([]string{"trace", "debug", "info", "error"}, o.LogLevel) {
		return fmt.Errorf("log level %q is not one of trace, debug, info, error", o.LogLevel)
	}
	if o.Registry == "" || o.ClusterDomain == "" {
		return errors.New("registry and cluster domain must not be empty")
	}
	return nil
}

// Objects builds the installation from the manifests, or from a folder of the person in their place.
func Objects(ctx context.Context, files fs.FS, dir string, o Options) ([]*unstructured.Unstructured, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	built, err := kustomize.Files(ctx, files, dir)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	wanted, err := o.Wanted()
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, b := range built {
		obj, err := b.Unstructured()
		if err != nil {
			return nil, err
		}
		component := obj.GetLabels()[ComponentLabel]
		if component != "" && !slices.Contains(wanted, component) || obj.GetKind() == "NetworkPolicy" && !o.NetworkPolicy {
			continue
		}
		if err := o.adapt(obj, wanted); err != nil {
			return nil, fmt.Errorf("%s %s: %w", obj.GetKind(), obj.GetName(), err)
		}
		objects = append(objects, obj)
	}
	return objects, nil
}

// adapt turns an object of the manifests, which are for the default namespace, into one of this installation.
func (o Options) adapt(obj *unstructured.Unstructured, wanted []string) error {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[InstanceLabel] = o.Namespace
	labels[VersionLabel] = label(o.Version)
	obj.SetLabels(labels)
	if obj.GetNamespace() == session.DefaultNamespace {
		obj.SetNamespace(o.Namespace)
	}
	obj.SetName(o.rename(obj.GetName(), obj.GetKind()))
	switch obj.GetKind() {
	case "Deployment":
		return o.deployment(obj, wanted)
	case "ClusterRoleBinding", "RoleBinding":
		return o.binding(obj)
	}
	return nil
}

// rename puts the namespace of the installation where a name carries it.
func (o Options) rename(name, kind string) string {
	if kind == "Namespace" && name == session.DefaultNamespace {
		return o.Namespace
	}
	if base, found := strings.CutSuffix(name, "-"+session.DefaultNamespace); found {
		return base + "-" + o.Namespace
	}
	return name
}

// binding makes a binding refer to the roles and accounts of this installation.
func (o Options) binding(obj *unstructured.Unstructured) error {
	role, _, err := unstructured.NestedString(obj.Object, "roleRef", "name")
	if err != nil {
		return err
	}
	if err := unstructured.SetNestedField(obj.Object, o.rename(role, ""), "roleRef", "name"); err != nil {
		return err
	}
	subjects, _, err := unstructured.NestedSlice(obj.Object, "subjects")
	if err != nil {
		return err
	}
	for _, s := range subjects {
		if subject, ok := s.(map[string]any); ok && subject["namespace"] == session.DefaultNamespace {
			subject["namespace"] = o.Namespace
		}
	}
	return unstructured.SetNestedSlice(obj.Object, subjects, "subjects")
}

// label makes a version fit for a label and a tag, which know no plus sign.
func label(version string) string { return strings.ReplaceAll(version, "+", "-") }

// Write prints the installation as a file to apply, with a head that people and update bots read the version from.
func Write(out io.Writer, objects []*unstructured.Unstructured, o Options) error {
	wanted, err := o.Wanted()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "---\n# This manifest was generated by weir. DO NOT EDIT.\n# Flux Version: %s\n# Components: %s\n", o.Version, strings.Join(wanted, ","))
	if err != nil {
		return err
	}
	for i, obj := range objects {
		if i > 0 {
			if _, err := io.WriteString(out, "---\n"); err != nil {
				return err
			}
		}
		if err := encode(out, obj); err != nil {
			return err
		}
	}
	return nil
}

// PullSecret is the Secret with the credentials user:password for the registry of the images.
func (o Options) PullSecret(credentials string) (*corev1.Secret, error) {
	user, password, found := strings.Cut(credentials, ":")
	if !found || user == "" || password == "" {
		return nil, errors.New("registry credentials: want user:password")
	}
	return pullSecret(o, user, password)
}
