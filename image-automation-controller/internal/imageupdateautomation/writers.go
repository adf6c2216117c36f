// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
)

// branch is a branch of a repository.
type branch struct{ url, name string }

// writers lets one object at a time write to a branch. Those that come in between are queued again when it is free, and hold no worker until
// then.
type writers struct {
	mu    sync.Mutex
	busy  map[branch][]types.NamespacedName
	queue workqueue.TypedRateLimitingInterface[ctrl.Request]
}

// enter returns what leaves the branch again; nil if somebody else writes to it, who then wakes the object.
func (w *writers) enter(b branch, who types.NamespacedName) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if waiting, busy := w.busy[b]; busy {
		if !slices.Contains(waiting, who) {
			w.busy[b] = append(waiting, who)
		}
		return nil
	}
	if w.busy == nil {
		w.busy = make(map[branch][]types.NamespacedName)
	}
	w.busy[b] = nil
	return sync.OnceFunc(func() { w.leave(b) })
}

// leave makes the branch free and wakes those that wait for it.
func (w *writers) leave(b branch) {
	w.mu.Lock()
	waiting, queue := w.busy[b], w.queue
	delete(w.busy, b)
	w.mu.Unlock()
	if queue == nil {
		return
	}
	for _, who := range waiting {
		queue.Add(ctrl.Request{NamespacedName: who})
	}
}

// start takes the queue; it is the body of a source of the controller.
func (w *writers) start(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = queue
	return nil
}
