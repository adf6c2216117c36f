// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"slices"
	"sync"
)

// Slots limit how many runs are at work at once, as --concurrent says. A run that only waits, for health, a hook or the end of objects, gives
// its slot back meanwhile, so that one release that never gets ready delays no other. What was under way goes first when a slot gets free: it
// is brought to its end before more is begun.
type Slots struct {
	mu    sync.Mutex
	free  int
	again []chan struct{} // runs that gave their slot back and want it again, oldest first
	fresh []chan struct{} // runs that have not begun, oldest first
}

// NewSlots returns n slots.
func NewSlots(n int) *Slots {
	return &Slots{free: n}
}

// Take waits for a slot. Its error is that of ctx.
func (s *Slots) Take(ctx context.Context) (*Slot, error) {
	slot := &Slot{of: s}
	if err := s.acquire(ctx, &s.fresh); err != nil {
		return nil, err
	}
	slot.held = true
	return slot, nil
}

// acquire takes a free slot or waits in the queue, which is one of the two of s.
func (s *Slots) acquire(ctx context.Context, queue *[]chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	*queue = append(*queue, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(*queue, turn)
	if i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		s.release() // the turn came at the same moment
	}
	return ctx.Err()
}

// release hands a slot to the next in line.
func (s *Slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&s.again, &s.fresh} {
		if len(*queue) > 0 {
			close((*queue)[0])
			*queue = slices.Delete(*queue, 0, 1)
			return
		}
	}
	s.free++
}

// Slot is the right of one run to work. Its methods may be called from any goroutine of the run.
type Slot struct {
	of   *Slots
	mu   sync.Mutex
	held bool
}

// Release gives the slot back. Calling it again changes nothing.
func (s *Slot) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		s.held = false
		s.of.release()
	}
}

// Acquire takes the slot again after Release, before all runs that have not begun. Its error is that of ctx.
func (s *Slot) Acquire(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		return nil
	}
	if err := s.of.acquire(ctx, &s.of.again); err != nil {
		return err
	}
	s.held = true
	return nil
}
