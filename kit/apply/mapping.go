// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"slices"

	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// Clients is what the engine needs to act as one identity on one cluster. It is built once per identity and shared.
type Clients struct {
	Dynamic  dynamic.Interface
	Metadata metadata.Interface
	// Mapper finds the resource of a kind. It is reset when a kind is unknown, if it can be.
	Mapper meta.RESTMapper
	// Remote says that this is not the cluster the engine watches: everything is read and compared, and nothing wakes.
	Remote bool
}

func (c Clients) target(gvk schema.GroupVersionKind) (observe.Target, error) {
	m, err := c.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		meta.MaybeResetRESTMapper(c.Mapper)
		m, err = c.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return observe.Target{}, err
	}
	return observe.Target{
		Kind:       gvk.GroupKind(),
		Resource:   m.Resource,
		Namespaced: m.Scope.Name() == meta.RESTScopeNameNamespace,
	}, nil
}

// anyTarget is target for an inventory line: its version may no longer be served, or not be known.
func (c Clients) anyTarget(gvk schema.GroupVersionKind) (observe.Target, error) {
	t, err := c.target(gvk)
	if !meta.IsNoMatchError(err) {
		return t, err
	}
	m, err := c.Mapper.RESTMapping(gvk.GroupKind())
	if err != nil {
		return observe.Target{}, err
	}
	return observe.Target{
		Kind:       gvk.GroupKind(),
		Resource:   m.Resource,
		Namespaced: m.Scope.Name() == meta.RESTScopeNameNamespace,
	}, nil
}

func (c Clients) metadata(t observe.Target, namespace string) metadata.ResourceInterface {
	if !t.Namespaced {
		return c.Metadata.Resource(t.Resource)
	}
	return c.Metadata.Resource(t.Resource).Namespace(namespace)
}

func (c Clients) dynamic(t observe.Target, namespace string) dynamic.ResourceInterface {
	if !t.Namespaced {
		return c.Dynamic.Resource(t.Resource)
	}
	return c.Dynamic.Resource(t.Resource).Namespace(namespace)
}

// definition is what a CustomResourceDefinition of the set says about its kind, so that custom resources can be planned
// before the API server serves them.
type definition struct {
	plural     string
	namespaced bool
	versions   []string
}

// define notes the kind that u defines, if it is a CustomResourceDefinition.
func (s *Set) define(u *unstructured.Unstructured) {
	if !utils.IsCRD(u) {
		return
	}
	group, _, _ := unstructured.NestedString(u.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(u.Object, "spec", "names", "kind")
	d := definition{}
	d.plural, _, _ = unstructured.NestedString(u.Object, "spec", "names", "plural")
	scope, _, _ := unstructured.NestedString(u.Object, "spec", "scope")
	d.namespaced = scope == "Namespaced"
	versions, _, _ := unstructured.NestedSlice(u.Object, "spec", "versions")
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok && m["served"] == true {
			name, _, _ := unstructured.NestedString(m, "name")
			d.versions = append(d.versions, name)
		}
	}
	s.crds[schema.GroupKind{Group: group, Kind: kind}] = d
}

// resolve finds the resource of every item. An item whose kind is not served stays unresolved: the definition may be on its
// way, and if not, the dry-run reports it.
func (s *Set) resolve(c Clients) error {
	type answer struct {
		target observe.Target
		err    error
	}
	answers := map[schema.GroupVersionKind]answer{}
	for _, it := range s.items {
		gvk := it.gvk()
		a, ok := answers[gvk]
		if !ok {
			a.target, a.err = s.target(c, gvk)
			answers[gvk] = a
		}
		if a.err != nil {
			if meta.IsNoMatchError(a.err) {
				continue
			}
			return a.err
		}
		if err := it.render(a.target); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) target(c Clients, gvk schema.GroupVersionKind) (observe.Target, error) {
	d, ok := s.crds[gvk.GroupKind()]
	if ok && slices.Contains(d.versions, gvk.Version) {
		return observe.Target{
			Kind:       gvk.GroupKind(),
			Resource:   gvk.GroupVersion().WithResource(d.plural),
			Namespaced: d.namespaced,
		}, nil
	}
	return c.target(gvk)
}

// definesKind tells whether the set itself brings the definition of a kind.
func (s *Set) definesKind(gk schema.GroupKind) bool {
	_, ok := s.crds[gk]
	return ok
}
