// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// shelf is a cache, or an API server, with the Namespaces of these names.
type shelf struct {
	cache.Cache
	cache.Informer

	names []string
	asked int
}

func (s *shelf) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	s.asked++
	for _, name := range s.names {
		if name == key.Name {
			o.SetLabels(map[string]string{"name": name})
			return nil
		}
	}
	return apierrors.NewNotFound(corev1.Resource("namespaces"), key.Name)
}

func (s *shelf) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return s, nil
}

func (s *shelf) HasSynced() bool { return true }

// A policy may be seen before its Namespace, when both come at once.
func TestNewNamespace(t *testing.T) {
	cached, live := &shelf{names: []string{"old"}}, &shelf{names: []string{"old", "new"}}
	n := &namespaces{live: live, cache: cached, started: true}
	for name, requests := range map[string]int{"old": 0, "new": 1} {
		live.asked = 0
		if got, err := n.labels(t.Context(), name); err != nil || got["name"] != name || live.asked != requests {
			t.Errorf("%s: got %v, %v, after %d requests, want %d", name, got, err, live.asked, requests)
		}
	}
	if _, err := n.labels(t.Context(), "none"); !apierrors.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}
