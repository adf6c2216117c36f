// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// lagLimit is for how long a written object is kept. The cache catches up within milliseconds; one that lags for longer costs a conflict, which
// the write after it resolves.
const lagLimit = 10 * time.Second

// memory keeps the objects that this process wrote until the cache has caught up with them, so that a run never starts from a state older
// than its own last write.
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
	key, own := client.ObjectKeyFromObject(obj), deepCopy(obj)
	own.SetManagedFields(nil) // large, and nothing in the cache has them
	m.written[key] = own
	time.AfterFunc(lagLimit, func() { m.expire(key, own.GetResourceVersion()) })
}

// expire drops what was written if nothing was written since.
func (m *memory[O]) expire(key types.NamespacedName, version string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if own, ok := m.written[key]; ok && own.GetResourceVersion() == version {
		delete(m.written, key)
	}
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
