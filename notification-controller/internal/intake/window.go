// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package intake

import (
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

// take tells whether an event may pass, and when the window ends. The event that passed can be taken back by undo, when it is refused after all.
func (w *window) take(id identity) (ok bool, reset time.Time, undo func()) {
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
	if number <= s.taken {
		return false, reset, nil
	}
	before := s.taken
	s.taken = number
	return true, reset, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		s.taken = before
	}
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
