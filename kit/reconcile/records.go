// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Records holds what the runs of each object leave behind in this process for its next run. It is a cache: losing a record costs requests, never
// correctness. A record belongs to the runs of its object, of which there is never more than one at a time; what others touch in it has to
// guard itself. The zero value is ready to use.
type Records[R any] struct {
	mu sync.Mutex
	of map[types.NamespacedName]*R
}

// Of returns the record of an object, an empty one if there is none yet.
func (m *Records[R]) Of(name types.NamespacedName) *R {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = make(map[types.NamespacedName]*R)
	}
	if m.of[name] == nil {
		m.of[name] = new(R)
	}
	return m.of[name]
}

// Find returns the record of an object, nil if there is none.
func (m *Records[R]) Find(name types.NamespacedName) *R {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[name]
}

// Drop forgets an object.
func (m *Records[R]) Drop(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, name)
}

// Fingerprint is a hash over what the result of a run depends on, as far as JSON can express it: equal as long as nothing of it moved.
func Fingerprint(parts ...any) (string, error) {
	data, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
