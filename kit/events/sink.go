// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

// clusterDrainTimeout is how long the end of the process waits for Kubernetes Events that are queued. A second writes some fifty; it comes on top
// of what the controllers took to end, within the 10 s that the shortest of the Deployments grants a pod.
const clusterDrainTimeout = 2 * time.Second

// sink writes Kubernetes Events. The broadcaster of client-go hands them to it one after the other in the order they were recorded, but forgets what
// it has queued when it is shut down. So a last event is recorded that nobody gets to see: when that arrives here, all others are written.
type sink struct {
	record.EventSink

	// last is the uid of the object of that event; arrived is closed when it comes.
	last    types.UID
	arrived chan struct{}
	once    sync.Once
	// limit is clusterDrainTimeout, in tests more.
	limit time.Duration
}

func newSink(events typedcorev1.EventInterface) *sink {
	return &sink{
		EventSink: &typedcorev1.EventSinkImpl{Interface: events}, last: uuid.NewUUID(), arrived: make(chan struct{}), limit: clusterDrainTimeout,
	}
}

// Create implements record.EventSink.
func (s *sink) Create(event *corev1.Event) (*corev1.Event, error) {
	if event.InvolvedObject.UID == s.last {
		s.once.Do(func() { close(s.arrived) })
		return event, nil
	}
	return s.EventSink.Create(event)
}

// drain returns when everything that the recorder took before is written, or false after a bounded time.
func (s *sink) drain(recorder record.EventRecorder) bool {
	recorder.Event(&corev1.ObjectReference{UID: s.last}, corev1.EventTypeNormal, "End", "")
	timer := time.NewTimer(s.limit)
	defer timer.Stop()
	select {
	case <-s.arrived:
		return true
	case <-timer.C:
		return false
	}
}
