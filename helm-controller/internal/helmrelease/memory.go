// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"sync"
	"sync/atomic"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/reconcile"
)

// record is what runs of this process leave behind for the next run of the same object.
type record struct {
	// template is the fingerprint of the HelmChart that was last applied.
	template string
	// artifact is the digest of the artifact whose chart metadata is in metadata.
	artifact string
	metadata *chart.Metadata
	// compared is the fingerprint of what the cluster was last compared with in full, and verified is when.
	compared string
	verified time.Time
	// known says that nothing of the object is in storage that its status does not know of. See strays.
	known bool

	// running is the run that acts just now, for those that bring something newer; nil between runs.
	running atomic.Pointer[supersession]
}

// supersession tells a run under way that something newer is there to be released.
type supersession struct {
	once sync.Once
	done chan struct{}
	by   string // who said so first, set before done is closed
	// artifact is the digest of what the run releases; a source that has nothing else supersedes nothing.
	artifact string
}

// records holds the records of all objects.
type records struct {
	reconcile.Records[record]
}

// begin notes that a run is about to act on that artifact, and returns what tells it to stop waiting.
func (m *records) begin(r *record, artifact string) *supersession {
	s := &supersession{done: make(chan struct{}), artifact: artifact}
	r.running.Store(s)
	return s
}

// end notes that the run is over.
func (m *records) end(r *record) { r.running.Store(nil) }

// supersede tells a run of the object, if there is one, that by brings something newer. artifact is the digest of what a source offers, empty
// when it is not a source that calls.
func (m *records) supersede(name types.NamespacedName, by, artifact string) {
	r := m.Find(name)
	if r == nil {
		return
	}
	if s := r.running.Load(); s != nil && (artifact == "" || artifact != s.artifact) {
		s.once.Do(func() {
			s.by = by
			close(s.done)
		})
	}
}

func key(obj client.Object) types.NamespacedName {
	return client.ObjectKeyFromObject(obj)
}
