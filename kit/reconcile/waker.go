// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// wakePriority is the place in the queue of an object that something under way woke; events of the API server have 0.
const wakePriority = 10

// Waker puts objects into the queue of a controller from outside of a watch. It drops what comes before the controller runs: every object is
// queued then anyway. The zero value is ready to use.
type Waker struct {
	queue atomic.Pointer[workqueue.TypedRateLimitingInterface[ctrl.Request]]
}

// Wake queues the object at once, before those that an event woke: what is under way is brought to its end before more is begun. It does not
// block.
func (w *Waker) Wake(name types.NamespacedName) {
	queue := w.queue.Load()
	if queue == nil {
		return
	}
	request := ctrl.Request{NamespacedName: name}
	if ordered, ok := (*queue).(priorityqueue.PriorityQueue[ctrl.Request]); ok {
		ordered.AddWithOpts(priorityqueue.AddOpts{Priority: new(wakePriority)}, request)
		return
	}
	(*queue).Add(request)
}

// Start takes the queue; it is the body of a source of the controller.
func (w *Waker) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
	w.queue.Store(&queue)
	return nil
}
