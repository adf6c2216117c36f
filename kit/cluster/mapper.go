// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// mapper asks the cluster for a group when a kind of it is first needed, and again when a kind is unknown. Reset forgets everything, which
// is the only way to notice that a kind went away or changed its scope.
type mapper struct {
	config *rest.Config
	http   *http.Client
	// known holds a meta.RESTMapper.
	known atomic.Pointer[meta.RESTMapper]
}

var _ meta.ResettableRESTMapper = &mapper{}

func newMapper(config *rest.Config) (*mapper, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("http client: %w", err)
	}
	m := &mapper{config: config, http: client}
	lazy, err := apiutil.NewDynamicRESTMapper(config, client)
	if err != nil {
		return nil, fmt.Errorf("rest mapper: %w", err)
	}
	m.known.Store(&lazy)
	return m, nil
}

func (m *mapper) inner() meta.RESTMapper { return *m.known.Load() }

// Reset implements meta.ResettableRESTMapper. It sends no request.
func (m *mapper) Reset() {
	// The same arguments were accepted by newMapper, so this does not fail; if it did, keeping what is known would be right.
	if lazy, err := apiutil.NewDynamicRESTMapper(m.config, m.http); err == nil {
		m.known.Store(&lazy)
	}
}

// KindFor implements meta.RESTMapper.
func (m *mapper) KindFor(resource schema.GroupVersionResource) (schema.GroupVersionKind, error) {
	return m.inner().KindFor(resource)
}

// KindsFor implements meta.RESTMapper.
func (m *mapper) KindsFor(resource schema.GroupVersionResource) ([]schema.GroupVersionKind, error) {
	return m.inner().KindsFor(resource)
}

// ResourceFor implements meta.RESTMapper.
func (m *mapper) ResourceFor(input schema.GroupVersionResource) (schema.GroupVersionResource, error) {
	return m.inner().ResourceFor(input)
}

// ResourcesFor implements meta.RESTMapper.
func (m *mapper) ResourcesFor(input schema.GroupVersionResource) ([]schema.GroupVersionResource, error) {
	return m.inner().ResourcesFor(input)
}

// RESTMapping implements meta.RESTMapper.
func (m *mapper) RESTMapping(gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	return m.inner().RESTMapping(gk, versions...)
}

// RESTMappings implements meta.RESTMapper.
func (m *mapper) RESTMappings(gk schema.GroupKind, versions ...string) ([]*meta.RESTMapping, error) {
	return m.inner().RESTMappings(gk, versions...)
}

// ResourceSingularizer implements meta.RESTMapper.
func (m *mapper) ResourceSingularizer(resource string) (string, error) {
	return m.inner().ResourceSingularizer(resource)
}
