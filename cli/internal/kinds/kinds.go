// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package kinds lists the kinds that commands work on: what they are called on the command line, what their tables show, and what they can be
// asked to do. Objects are read as they are, so that a field this version does not know is kept and shown.
package kinds

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// Kind is one kind of the toolkit.
type Kind struct {
	schema.GroupVersionKind

	// Group is the command above it, source or image; empty for most.
	Group string
	// Name is its command, Plural the one under get, Short an alias of both.
	Name, Plural, Short string
	// Human is what messages call it.
	Human string
	// Columns are what get shows after the name.
	Columns []Column
	// Suspends and Reconciles tell whether it can be suspended, and asked to reconcile now.
	Suspends, Reconciles bool
	// Static tells whether an object has no reconciler, so that it is ready as soon as it is stored. nil is never.
	Static func(*unstructured.Unstructured) bool
	// Result says what a reconciliation that succeeded led to.
	Result func(*unstructured.Unstructured) string
}

// List returns an empty list to read into.
func (k Kind) List() *unstructured.UnstructuredList {
	list := new(unstructured.UnstructuredList)
	list.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind + "List"))
	return list
}

// Object returns an empty object to read into.
func (k Kind) Object() *unstructured.Unstructured {
	obj := new(unstructured.Unstructured)
	obj.SetGroupVersionKind(k.GroupVersionKind)
	return obj
}

// Command is how the kind is named below a verb.
func (k Kind) Command() string { return strings.TrimSpace(k.Group + " " + k.Name) }

// IsStatic tells whether nobody reconciles this object.
func (k Kind) IsStatic(obj *unstructured.Unstructured) bool { return k.Static != nil && k.Static(obj) }

// All lists every kind in the order of get all.
func All() []Kind {
	always := func(*unstructured.Unstructured) bool { return true }
	oci := func(obj *unstructured.Unstructured) bool {
		return text(obj, "spec", "type") == sourcev1.HelmRepositoryTypeOCI
	}
	source := func(kind, name, plural, human string) Kind {
		return Kind{
			GroupVersionKind: sourcev1.GroupVersion.WithKind(kind), Group: "source", Name: name, Human: human, Plural: plural,
			Columns: []Column{revision, suspended, ready, message}, Suspends: true, Reconciles: true, Result: fetched,
		}
	}
	image := func(kind, name, human string, columns []Column, result func(*unstructured.Unstructured) string) Kind {
		return Kind{
			GroupVersionKind: imagev1.GroupVersion.WithKind(kind), Group: "image", Name: name, Plural: name, Human: human,
			Columns: columns, Suspends: true, Reconciles: true, Result: result,
		}
	}
	repository := source(sourcev1.HelmRepositoryKind, "helm", "helm", "source helm")
	repository.Static = oci
	chart := source(sourcev1.HelmChartKind, "chart", "chart", "source chart")
	chart.Columns = []Column{wholeRevision, suspended, ready, message}
	external := Kind{
		GroupVersionKind: sourcev1.GroupVersion.WithKind(sourcev1.ExternalArtifactKind), Group: "source", Name: "external", Plural: "external",
		Human: "source external-artifact", Columns: []Column{revision, origin, ready, message},
	}
	return []Kind{
		source(sourcev1.OCIRepositoryKind, "oci", "oci", "source oci"),
		source(sourcev1.BucketKind, "bucket", "bucket", "source bucket"),
		source(sourcev1.GitRepositoryKind, "git", "git", "source git"),
		repository, chart, external,
		image(imagev1.ImageRepositoryKind, "repository", "image repository", []Column{lastScan, suspended, ready, message}, scanned),
		image(imagev1.ImagePolicyKind, "policy", "image policy", []Column{policyImage, policyTag, ready, message}, selected),
		image(imagev1.ImageUpdateAutomationKind, "update", "image update automation", []Column{lastRun, suspended, ready, message}, readyMessage),
		{
			GroupVersionKind: helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind), Name: "helmrelease", Plural: "helmreleases", Short: "hr",
			Human: "helmrelease", Columns: []Column{chartVersion, suspended, ready, message}, Suspends: true, Reconciles: true, Result: applied,
		},
		{
			GroupVersionKind: kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind), Name: "kustomization", Plural: "kustomizations", Short: "ks",
			Human: "kustomization", Columns: []Column{appliedRevision, suspended, ready, message}, Suspends: true, Reconciles: true, Result: applied,
		},
		{
			GroupVersionKind: notificationv1.GroupVersion.WithKind(notificationv1.ReceiverKind), Name: "receiver", Plural: "receivers",
			Human: "receiver", Columns: []Column{suspended, ready, message}, Suspends: true, Reconciles: true, Result: readyMessage,
		},
		{
			GroupVersionKind: notificationv1beta3.GroupVersion.WithKind(notificationv1beta3.ProviderKind), Name: "alert-provider", Plural: "alert-providers",
			Human: "alert provider", Columns: []Column{ready, message}, Suspends: true, Static: always,
		},
		{
			GroupVersionKind: notificationv1beta3.GroupVersion.WithKind(notificationv1beta3.AlertKind), Name: "alert", Plural: "alerts",
			Human: "alert", Columns: []Column{suspended, ready, message}, Suspends: true, Static: always,
		},
	}
}

// Of returns the kind with that API name.
func Of(kind string) (Kind, bool) {
	all := All()
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Kind == kind })
	if i < 0 {
		return Kind{}, false
	}
	return all[i], true
}

// Named returns the kind that a person means: its API name in whatever case, or its alias.
func Named(text string) (Kind, bool) {
	all := All()
	i := slices.IndexFunc(all, func(k Kind) bool {
		return strings.EqualFold(k.Kind, text) || (k.Short != "" && strings.EqualFold(k.Short, text))
	})
	if i < 0 {
		return Kind{}, false
	}
	return all[i], true
}

// Names lists the API names of all kinds, sorted.
func Names() []string {
	all := All()
	names := make([]string, 0, len(all))
	for _, k := range all {
		names = append(names, k.Kind)
	}
	slices.Sort(names)
	return names
}
