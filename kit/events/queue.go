// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import "sync"

const (
	// maxQueued and maxQueuedBytes bound what waits for the notification address: a burst of one event for each of a thousand objects
	// fits, a dead address costs no more memory than this.
	maxQueued      = 1024
	maxQueuedBytes = 8 << 20
)

// queue holds documents in the order they came. When it is full the oldest goes: the newest tells the state that counts.
type queue struct {
	// ready holds a token while there may be something to pop.
	ready chan struct{}

	mu      sync.Mutex
	bodies  [][]byte
	bytes   int
	dropped int
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1)}
}

// push adds body, at the cost of the oldest ones when there is no room. It never blocks.
func (q *queue) push(body []byte) {
	q.mu.Lock()
	q.bodies = append(q.bodies, body)
	q.bytes += len(body)
	for len(q.bodies) > 1 && (len(q.bodies) > maxQueued || q.bytes > maxQueuedBytes) {
		q.take()
		q.dropped++
	}
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// pop returns the oldest document, and how many were dropped since the last call; false when there is none.
func (q *queue) pop() (body []byte, dropped int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.bodies) == 0 {
		return nil, 0, false
	}
	dropped, q.dropped = q.dropped, 0
	return q.take(), dropped, true
}

// len returns how many documents wait.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.bodies)
}

// take removes the oldest document. The caller holds the lock.
func (q *queue) take() []byte {
	body := q.bodies[0]
	q.bodies[0] = nil
	q.bodies = q.bodies[1:]
	q.bytes -= len(body)
	return body
}
