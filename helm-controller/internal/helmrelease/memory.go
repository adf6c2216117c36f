// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// record is what runs of this process leave behind for the next run of the same object. Losing it costs requests, never correctness. Only the
// runs of the object, which follow each other, use it; what others may touch is in supersession.
type record struct {
	// template is the fingerprint of the HelmChart that was last applied.
	template string
	// artifact is the digest of the artifact whose chart metadata is in metadata.
	artifact string
	metadata *chart.Metadata
	// compared is the fingerprint of what the cluster was last compared with in full, and verified is when.
	compared string
	verified time.Time

	running *supersession
}

// supersession tells a run under way that something newer is there to be released.
type supersession struct {
	done chan struct{}
	by   string // who said so first, set before done is closed
	// artifact is the digest of what the run releases; a source that has nothing else supersedes nothing.
	artifact string
}

// records holds the records of all objects.
type records struct {
	mu sync.Mutex
	of map[types.NamespacedName]*record
}

func (m *records) get(name types.NamespacedName) *record {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = make(map[types.NamespacedName]*record)
	}
	if m.of[name] == nil {
		m.of[name] = &record{}
	}
	return m.of[name]
}

func (m *records) drop(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, name)
}

// begin notes that a run is about to act on that artifact, and returns what tells it to stop waiting.
func (m *records) begin(r *record, artifact string) *supersession {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.running = &supersession{done: make(chan struct{}), artifact: artifact}
	return r.running
}

// end notes that the run is over.
func (m *records) end(r *record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.running = nil
}

// supersede tells a run of the object, if there is one, that by brings something newer. artifact is the digest of what a source offers, empty
// when it is not a source that calls.
func (m *records) supersede(name types.NamespacedName, by, artifact string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of[name]
	if r == nil || r.running == nil || r.running.by != "" || artifact != "" && artifact == r.running.artifact {
		return
	}
	r.running.by = by
	close(r.running.done)
}

// fingerprint is a hash over values that JSON can express.
func fingerprint(parts ...any) (string, error) {
	data, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

func key(obj client.Object) types.NamespacedName {
	return client.ObjectKeyFromObject(obj)
}
