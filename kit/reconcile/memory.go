// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// memory keeps the objects that this process wrote until the cache has caught up with them, so that a run never starts from a state older
// than its own last write. It holds an object only for the milliseconds between write and watch event.
type memory[O Object] struct {
	mu      sync.Mutex
	written map[types.NamespacedName]O
}

// wrote remembers obj as the server returned it.
func (m *memory[O]) wrote(obj O) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.written == nil {
		m.written = make(map[types.NamespacedName]O)
	}
	m.written[client.ObjectKeyFromObject(obj)] = deepCopy(obj)
}

// newest returns obj, or what this process wrote after the state that obj shows.
func (m *memory[O]) newest(obj O) O {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := client.ObjectKeyFromObject(obj)
	own, ok := m.written[key]
	if !ok {
		return obj
	}
	if own.GetUID() == obj.GetUID() && older(obj.GetResourceVersion(), own.GetResourceVersion()) {
		return deepCopy(own)
	}
	delete(m.written, key)
	return obj
}

func (m *memory[O]) drop(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.written, key)
}

// older compares resourceVersions, which are ordered numbers for every object served by the API server
// (Kubernetes: KEP-5504, comparable resource version). A version that is no number is taken as newer.
func older(a, b string) bool {
	na, errA := strconv.ParseUint(a, 10, 64)
	nb, errB := strconv.ParseUint(b, 10, 64)
	return errA == nil && errB == nil && na < nb
}

func deepCopy[O client.Object](obj O) O {
	c, ok := obj.DeepCopyObject().(O)
	if !ok {
		panic("DeepCopyObject returned another type")
	}
	return c
}
