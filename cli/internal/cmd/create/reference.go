// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
)

// reference is a Kind/name.namespace of the command line.
type reference struct {
	kind, name, namespace string
}

// parseReference reads [Kind/]name[.namespace], where the kind is one of those allowed, whatever its case. Without a kind it is fallback,
// and an error if that is empty.
func parseReference(flag, text, fallback string, allowed ...string) (reference, error) {
	kind, name, found := strings.Cut(text, "/")
	if !found {
		kind, name = fallback, text
	}
	want := "Kind/name[.namespace]"
	if fallback != "" {
		want = "[Kind/]name[.namespace]"
	}
	if kind == "" || name == "" || strings.Contains(name, "/") {
		return reference{}, fmt.Errorf("invalid --%s '%s': want %s", flag, text, want)
	}
	i := slices.IndexFunc(allowed, func(known string) bool { return strings.EqualFold(known, kind) })
	if i < 0 {
		return reference{}, fmt.Errorf("invalid --%s '%s': kind '%s' is not supported, it has to be one of %s", flag, text, kind, strings.Join(allowed, ", "))
	}
	r := reference{kind: allowed[i], name: name}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		r.name, r.namespace = name[:dot], name[dot+1:]
		if r.name == "" || r.namespace == "" {
			return reference{}, fmt.Errorf("invalid --%s '%s': want %s", flag, text, want)
		}
	}
	return r, nil
}

// parseDependencies reads names of objects of the same kind, each [namespace/]name.
func parseDependencies(texts []string) ([]meta.DependencyReference, error) {
	var all []meta.DependencyReference
	for _, text := range texts {
		namespace, name, found := strings.Cut(text, "/")
		if !found {
			namespace, name = "", text
		}
		if name == "" || (found && namespace == "") || strings.Contains(name, "/") {
			return nil, fmt.Errorf("invalid --depends-on '%s': want [namespace/]name", text)
		}
		all = append(all, meta.DependencyReference{Namespace: namespace, Name: name})
	}
	return all, nil
}

// oneOf refuses a value of a flag that is not in the list; empty is none given.
func oneOf(flag, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("invalid --%s '%s': it is not supported, it has to be one of %s", flag, value, strings.Join(allowed, ", "))
}

// secretReference names a Secret, nil for no name.
func secretReference(name string) *meta.LocalObjectReference {
	if name == "" {
		return nil
	}
	return &meta.LocalObjectReference{Name: name}
}

// kubeConfigReference names the Secret with the kubeconfig of another cluster, nil for no name.
func kubeConfigReference(secret string) *meta.KubeConfigReference {
	if secret == "" {
		return nil
	}
	return &meta.KubeConfigReference{SecretRef: &meta.SecretKeyReference{Name: secret}}
}
