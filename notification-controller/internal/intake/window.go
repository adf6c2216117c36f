// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxIdentities bounds what a window remembers, about 200 bytes each. When more is seen, what was not seen for the longest time is forgotten
// before its time.
const maxIdentities = 1 << 16

// sighting is what is known of an identity.
type sighting struct {
	// first is when it was first seen; windows begin there and at every multiple of the interval after.
	first time.Time
	// taken is the number of the window in which an event was last let through, -1 for none.
	taken int64
	last  time.Time
	// undecided is open while it is not known whether the event that was let through is kept; nil otherwise.
	undecided chan struct{}
}

// window lets one event of an identity through in each interval. It lives in memory, and dies with the process.
type window struct {
	interval time.Duration
	clock    func() time.Time

	mu sync.Mutex
	// seen is in the order of the last sighting.
	seen *simplelru.LRU[identity, *sighting]
}

func newWindow(interval time.Duration, clock func() time.Time) (*window, error) {
	if interval <= 0 {
		interval = time.Second // Flux: contract notification-controller, "--rate-limit-interval"
	}
	seen, err := simplelru.NewLRU[identity, *sighting](maxIdentities, nil)
	if err != nil {
		return nil, fmt.Errorf("create window: %w", err)
	}
	return &window{interval: interval, clock: clock, seen: seen}, nil
}

// take tells whether an event may pass, and when the window ends. Whoever passes has to say with settle whether the event was kept: one that was
// not is no reason to drop another. Until then the same event waits, so that nobody is told that it is a duplicate of one that gets lost.
func (w *window) take(ctx context.Context, id identity) (ok bool, reset time.Time, settle func(kept bool)) {
	for {
		settle, ok, reset, before := w.try(id)
		if before != nil {
			select {
			case <-before:
				continue
			case <-ctx.Done():
				return false, reset, nil
			}
		}
		return ok, reset, settle
	}
}

// try is take without the wait: before is closed when the event before this one is decided.
func (w *window) try(id identity) (settle func(kept bool), ok bool, reset time.Time, before <-chan struct{}) {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep(now)
	s, known := w.seen.Get(id)
	if !known {
		s = &sighting{first: now, taken: -1}
		w.seen.Add(id, s)
	}
	s.last = now
	number := int64(now.Sub(s.first) / w.interval)
	reset = s.first.Add(time.Duration(number+1) * w.interval)
	if s.undecided != nil {
		return nil, false, reset, s.undecided
	}
	if number <= s.taken {
		return nil, false, reset, nil
	}
	s.undecided = make(chan struct{})
	return func(kept bool) { w.settle(s, number, kept) }, true, reset, nil
}

// settle decides what becomes of the window that an event was let through in.
func (w *window) settle(s *sighting, number int64, kept bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept {
		s.taken = number
	}
	close(s.undecided)
	s.undecided = nil
}

// sweep forgets what was not seen for two intervals. The caller holds the lock.
func (w *window) sweep(now time.Time) {
	for {
		_, oldest, ok := w.seen.GetOldest()
		if !ok || now.Sub(oldest.last) <= 2*w.interval {
			return
		}
		w.seen.RemoveOldest()
	}
}
