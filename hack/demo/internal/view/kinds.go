// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// Kinds that others of this package tell apart by name.
const (
	kustomization  = "Kustomization"
	gitRepository  = "GitRepository"
	ociRepository  = "OCIRepository"
	helmRepository = "HelmRepository"
	helmChart      = "HelmChart"
)

// kind is a kind that is shown.
type kind struct {
	schema.GroupVersionKind

	// revision says what an object fetched, applied or chose last.
	revision func(*unstructured.Unstructured) string
	// about stands in for the message of a kind without a status; nil for all others.
	about func(*unstructured.Unstructured) string
}

// kinds lists what is shown, in the order in which it is shown: sources, what is made of them, images, notifications.
func kinds() []kind {
	return []kind{
		{GroupVersionKind: sourcev1.GroupVersion.WithKind(gitRepository), revision: artifact},
		{GroupVersionKind: sourcev1.GroupVersion.WithKind(ociRepository), revision: artifact},
		{GroupVersionKind: sourcev1.GroupVersion.WithKind(helmRepository), revision: artifact},
		{GroupVersionKind: sourcev1.GroupVersion.WithKind(helmChart), revision: artifact},
		{GroupVersionKind: kustomizev1.GroupVersion.WithKind(kustomization), revision: func(o *unstructured.Unstructured) string {
			return shorten(text(o, "status", "lastAppliedRevision"))
		}},
		{GroupVersionKind: helmv2.GroupVersion.WithKind("HelmRelease"), revision: released},
		{GroupVersionKind: imagev1.GroupVersion.WithKind("ImageRepository"), revision: tags},
		{GroupVersionKind: imagev1.GroupVersion.WithKind("ImagePolicy"), revision: func(o *unstructured.Unstructured) string {
			return text(o, "status", "latestRef", "tag")
		}},
		{GroupVersionKind: imagev1.GroupVersion.WithKind("ImageUpdateAutomation"), revision: func(o *unstructured.Unstructured) string {
			return shorten(text(o, "status", "observedSourceRevision"))
		}},
		{GroupVersionKind: notificationv1.GroupVersion.WithKind("Receiver"), revision: none},
		{GroupVersionKind: notificationv1beta3.GroupVersion.WithKind("Provider"), revision: none, about: func(o *unstructured.Unstructured) string {
			return "sends as " + text(o, "spec", "type")
		}},
		{GroupVersionKind: notificationv1beta3.GroupVersion.WithKind("Alert"), revision: none, about: func(o *unstructured.Unstructured) string {
			return "tells " + text(o, "spec", "providerRef", "name")
		}},
	}
}

func none(*unstructured.Unstructured) string { return "" }

func artifact(o *unstructured.Unstructured) string {
	return shorten(text(o, "status", "artifact", "revision"))
}

// released names the newest release, such as v2 of backup 1.0.0.
func released(o *unstructured.Unstructured) string {
	history, _, err := unstructured.NestedSlice(o.Object, "status", "history")
	if err != nil || len(history) == 0 {
		return ""
	}
	newest, ok := history[0].(map[string]any)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%v.v%v", newest["chartVersion"], newest["version"])
}

func tags(o *unstructured.Unstructured) string {
	count, found, err := unstructured.NestedInt64(o.Object, "status", "lastScanResult", "tagCount")
	if err != nil || !found {
		return ""
	}
	return fmt.Sprintf("%d tags", count)
}

func text(o *unstructured.Unstructured, path ...string) string {
	value, _, err := unstructured.NestedString(o.Object, path...)
	if err != nil {
		return ""
	}
	return value
}

// shorten cuts the digest of a revision such as main@sha1:0123456789abcdef… to what people type, or the whole of sha256:0123….
func shorten(revision string) string {
	const digits = 8
	name, digest, ok := strings.Cut(revision, "@")
	if !ok {
		name, digest = "", revision
	}
	_, hash, found := strings.Cut(digest, ":")
	switch {
	case !found || len(hash) <= digits:
		return revision
	case name == "":
		return hash[:digits]
	default:
		return name + "@" + hash[:digits]
	}
}

// shortenAll cuts every digest in a text to what people need to tell it from others.
func shortenAll(text string) string {
	const least, digits = 40, 8 // of a commit
	var b strings.Builder
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
		if end < 0 {
			end = len(text)
		}
		if end >= least {
			b.WriteString(text[:digits])
		} else {
			b.WriteString(text[:end])
		}
		if end < len(text) {
			_, size := utf8.DecodeRuneInString(text[end:])
			b.WriteString(text[end : end+size])
			end += size
		}
		text = text[end:]
	}
	return b.String()
}
