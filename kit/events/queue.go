// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"math"
	"sync"
	"time"
)

const (
	// maxQueued and maxQueuedBytes bound what waits for the notification address: a burst of a few events for each of some thousand objects
	// fits, a dead address costs no more memory than this.
	maxQueued      = 8192
	maxQueuedBytes = 8 << 20
)

// document is the body of one event on its way.
type document struct {
	body []byte
	// number orders documents by when they were recorded; since is that time.
	number uint64
	since  time.Time
}

// lane holds the documents about one object in the order they were recorded. One of them is under way at a time.
type lane struct {
	waiting []document
	// current is under way while busy.
	current document
	busy    bool
	// failures counts the attempts on the first document that failed, due is when the next is made.
	failures int
	due      time.Time
}

// queue holds documents by object, so that those about one arrive in the order of what happened and one that cannot be delivered holds up no
// other object. When it is full the oldest document goes: the newest tells the state that counts.
type queue struct {
	mu      sync.Mutex
	lanes   map[string]*lane
	number  uint64
	count   int
	bytes   int
	dropped int
	// changed is closed when there may be something new to take.
	changed chan struct{}
}

func newQueue() *queue {
	return &queue{lanes: make(map[string]*lane), changed: make(chan struct{})}
}

// push adds a document about the object that key names, at the cost of the oldest ones when there is no room. It never blocks, and returns how
// many had to go.
func (q *queue) push(key string, body []byte, now time.Time) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[key]
	if l == nil {
		l = &lane{}
		q.lanes[key] = l
	}
	q.number++
	l.waiting = append(l.waiting, document{body: body, number: q.number, since: now})
	q.count++
	q.bytes += len(body)
	for q.count > 1 && (q.count > maxQueued || q.bytes > maxQueuedBytes) && q.dropOldest() {
		dropped++
	}
	q.dropped += dropped
	q.signal()
	return dropped
}

// dropOldest gives up the document that has waited longest, but none that is under way. Looking at every lane is fine: it happens only while
// the address is dead.
func (q *queue) dropOldest() bool {
	key, oldest := "", uint64(math.MaxUint64)
	for k, l := range q.lanes {
		if len(l.waiting) > 0 && l.waiting[0].number < oldest {
			key, oldest = k, l.waiting[0].number
		}
	}
	if oldest == q.number || oldest == math.MaxUint64 {
		return false // only the newest is left
	}
	l := q.lanes[key]
	q.count--
	q.bytes -= len(l.waiting[0].body)
	l.waiting = l.waiting[1:]
	l.failures, l.due = 0, time.Time{}
	if len(l.waiting) == 0 && !l.busy {
		delete(q.lanes, key)
	}
	return true
}

// work is a document that was taken, and must be given back to finish or retry.
type work struct {
	document
	key string
	// failures counts the earlier attempts.
	failures int
}

// take returns the document that has waited longest among those whose time has come; all have, when everything is wanted. Without one it
// returns how long to wait for the next (at most a long time) and a channel that is closed when that may have changed.
func (q *queue) take(now time.Time, everything bool) (w work, wait time.Duration, changed <-chan struct{}, ok bool) {
	const long = time.Hour
	q.mu.Lock()
	defer q.mu.Unlock()
	var next *lane
	wait = long
	for key, l := range q.lanes {
		switch {
		case l.busy || len(l.waiting) == 0:
		case !everything && l.due.After(now):
			wait = min(wait, l.due.Sub(now))
		case next == nil || l.waiting[0].number < next.waiting[0].number:
			next, w.key = l, key
		}
	}
	if next == nil {
		return work{}, wait, q.changed, false
	}
	next.current, next.busy = next.waiting[0], true
	next.waiting = next.waiting[1:]
	w.document, w.failures = next.current, next.failures
	return w, 0, nil, true
}

// finish ends the document: it was delivered, or never will be.
func (q *queue) finish(w work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[w.key]
	q.count--
	q.bytes -= len(w.body)
	*l = lane{waiting: l.waiting}
	if len(l.waiting) == 0 {
		delete(q.lanes, w.key)
	}
	q.signal()
}

// retry puts the document back in its place, to be taken again when due.
func (q *queue) retry(w work, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[w.key]
	*l = lane{waiting: append([]document{w.document}, l.waiting...), failures: w.failures + 1, due: due}
	q.signal()
}

// hurry makes every document due: the address answers again.
func (q *queue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		l.due = time.Time{}
	}
	q.signal()
}

// signal wakes who waits for a change. The caller holds the lock.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// len returns how many documents wait or are under way.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// takeDropped returns how many documents were dropped since the last call.
func (q *queue) takeDropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped := q.dropped
	q.dropped = 0
	return dropped
}
